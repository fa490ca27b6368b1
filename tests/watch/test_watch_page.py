"""What the report of a recording says, and that it says so without anything from outside."""

from __future__ import annotations

import dataclasses
import html.parser
import re

import pytest
from watch_results import curve, event, quality, watched

from mer_tf.report.html import to_html
from mer_tf.watch import drawings, types, words
from mer_tf.watch.drawings import Line, Times, clock
from mer_tf.watch.page import build_page
from mer_tf.watch.words import make_view


class Reader(html.parser.HTMLParser):
    """Text, tags and addresses of a page."""

    def __init__(self):
        super().__init__()
        self.text, self.tags, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data):
        self.text.append(data)


def page(seen, view=None) -> tuple[str, str]:
    """The page and its words."""
    made = to_html(build_page(seen.result, seen.tracks, seen.curves, view))
    reader = Reader()
    reader.feed(made)
    assert "script" not in reader.tags and all(address.startswith("#") for address in reader.addresses)
    assert "nan" not in re.findall(r"[a-z]+", " ".join(re.findall(r'd="[^"]*"', made)))
    return made, " ".join(" ".join(reader.text).split())


def test_the_three_answers_are_never_mixed():
    _, text = page(watched(30, 4))
    assert "none found in" in text
    assert "refused: the face is too small" in text
    assert "not analysed: more faces than can be analysed" in text
    assert "in 1 face that could be judged; 1 face refused; 1 face not analysed" in text


def test_every_kind_reason_and_answer_has_words():
    assert set(types.NOT_COUNTED) <= set(words.KIND_WORDS)
    for said in types.ANSWERS:
        one = dataclasses.replace(watched(5, 1).result.tracks[0], micro=said, micro_why="why")
        assert words.answer(one, types.MICRO)
    every = [event("t0001", number, kind, 2.0 + number) for number, kind in enumerate((*types.KINDS, "micro"))]
    seen = watched(20, 1)
    _, text = page(dataclasses.replace(seen, result=dataclasses.replace(seen.result, events=tuple(every))))
    assert all(f"{words.KIND_WORDS[kind]}: 1" in text for kind in types.NOT_COUNTED)


def test_a_recording_without_faces_says_that_there_is_no_answer():
    empty = watched(10, 1)
    nobody = dataclasses.replace(empty.result, tracks=(), events=())
    made = to_html(build_page(nobody, [], []))
    assert "no face was seen, so nothing can be said" in made


def test_an_interrupted_recording_says_so_first():
    _, text = page(watched(20, 1, complete=False))
    assert text.index("Not the whole recording: interrupted after 20 s") < text.index("Micro-expressions:")


def test_classes_are_shown_with_what_the_model_was_trained_on():
    _, text = page(watched(30, 1, model=True))
    assert "positive (71%)" in text and "trained on drawings and has never seen a face" in text
    _, without = page(watched(30, 1))
    assert "No model was asked" in without and "positive (" not in without


def test_the_classroom_begins_with_its_notice_and_hides_classes():
    made, text = page(watched(30, 6, model=True), make_view("classroom"))
    for sentence in (*words.NOTICE, words.EMOTION_OFF):
        assert text.index(sentence) < text.index("Micro-expressions:")
    assert "positive (71%)" not in text and "balance" not in text.lower()
    assert made.index("All faces together</h2>") < made.index("Timeline</h2>")
    _, asked = page(watched(30, 6, model=True), make_view("classroom", emotion=True))
    assert "positive (71%)" in asked


def test_no_value_about_all_faces_below_five():
    _, few = page(watched(30, 4), make_view("classroom"))
    assert "No curve of: facing the target (2)" in few and "needs at least 5 faces" in few and "Group value" not in few
    _, one = page(watched(30, 1), make_view("classroom"))
    assert "The shares of the behaviours needs at least 5 faces" in one
    seen = watched(70, 6)
    full = dataclasses.replace(seen, curves=[curve(c.track, c.second) for c in seen.curves])
    made, text = page(full, make_view("classroom"))
    assert "Group value over the last 60 seconds" in text and "radar" not in text  # a drawing, not the word
    assert 'aria-label="shares of the behaviours"' in made


def test_names_of_files_are_text():
    seen = watched(10, 1)
    named = dataclasses.replace(seen.result, source=dataclasses.replace(seen.result.source, name="<script>a&b"))
    made = to_html(build_page(named, seen.tracks, seen.curves))
    assert "<script>" not in made and "&lt;script&gt;a&amp;b" in made


def test_an_hour_is_a_page_and_not_a_flood():
    seen = watched(3600, 2)
    made, text = page(seen)
    assert "stands for 5 seconds" in text
    assert len(made) < 500_000
    assert text.count("micro") > 100  # every event stays in the table


# ------------------------------------------------------------------------------------------------ drawings


def paths(svg: str) -> list[str]:
    return re.findall(r'<path d="(M[^"]*)"[^>]*stroke-width="1.5"', svg)


def draw(points, stop=10.0, **changes) -> str:
    return drawings.curves([Line("line", points, **changes)], Times(0.0, stop), "a curve", top=1.0, legend=False)


def test_gaps_are_gaps():
    whole = paths(draw([(float(s), 0.5) for s in range(1, 11)]))
    assert len(whole) == 1
    none = paths(draw([(float(s), None if s in (4, 5) else 0.5) for s in range(1, 11)]))
    absent = paths(draw([(float(s), 0.5) for s in range(1, 11) if s not in (4, 5)]))
    assert none == absent and len(none) == 2
    assert not paths(draw([(float(s), None) for s in range(1, 11)]))


def test_columns_show_the_range_of_their_seconds_and_peaks_the_largest():
    """3,600 s in 720 columns are 5 s each: one spike is in the drawing, at its height."""
    points = [(float(s), 1.0 if s == 1803 else 0.0) for s in range(1, 3601)]
    top, bottom = 12, 12 + 150  # of the axis, without a legend
    for svg in (draw(points, 3600.0), draw(points, 3600.0, peaks=True)):
        heights = {float(y) for y in re.findall(r"[ V]([\d.]+)(?=[LHZ]|$)", paths(svg)[0])}
        assert min(heights) == top and max(heights) == bottom


def test_values_beyond_the_axis_are_marked():
    assert "beyond the axis" in draw([(1.0, 2.0), (2.0, 0.5)])
    assert "beyond the axis" not in draw([(1.0, 1.0), (2.0, 0.5)])


def test_tiers_of_a_column_share_its_height():
    seconds = [(float(s), "A" if s % 2 else "R") for s in range(1, 1441)]  # two seconds a column
    svg = drawings.strips([("face 1", seconds, [])], Times(0.0, 1440.0), "tiers")
    good, bad = re.findall(r'<path d="M92.0 [\d.]+H1092.0v([\d.]+)', svg)
    assert float(good) == float(bad) == 7.0


@pytest.mark.parametrize(
    ("second", "digits", "text"),
    [(59.996, 2, "1:00.00"), (3599.6, 0, "1:00:00"), (0.0, 0, "0:00"), (61.5, 1, "1:01.5")],
)
def test_times_carry(second, digits, text):
    assert clock(second, digits) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.2, "4.2 s"), (60.0, "1 min"), (125.0, "2 min 5 s"), (3780.0, "1 h 3 min")]
)
def test_lengths_of_time_in_words(seconds, text):
    assert words.duration(seconds) == text


def test_a_face_that_was_never_good_enough_has_no_curve_and_no_zero():
    seen = watched(20, 1)
    empty = [dataclasses.replace(c, **dict.fromkeys(("brow_left", "brow_right", "mouth", "nose"))) for c in seen.curves]
    _, text = page(
        dataclasses.replace(seen, curves=empty, tracks=[quality("t0001", q.second, "C") for q in seen.tracks])
    )
    assert "there is no value, which is not a value of 0" in text
