"""The live page: who may ask, what is answered, and what a browser shows of a replayed result."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest
from drawn_people import Person, draw, film
from watch_results import event, face, picture, play, quality, source, watched

from mer_tf.errors import PortInUseError
from mer_tf.watch import live as live_module
from mer_tf.watch import words
from mer_tf.watch.engine import watch
from mer_tf.watch.live import ADDRESS, Live
from mer_tf.watch.types import MICRO
from mer_tf.watch.words import make_view

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def live():
    with Live(port=0) as page:
        yield page


def port_of(page: Live) -> int:
    return int(page.address.rstrip("/").rsplit(":", 1)[1])


def ask(page: Live, path: str, method: str = "GET", **headers) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(ADDRESS, port_of(page), timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.body = answer.read()
    connection.close()
    return answer


def state(page: Live, since: int = 0) -> dict:
    return json.loads(ask(page, f"/state?since={since}").body)


# ------------------------------------------------------------------------------------------------ who may ask


def test_it_is_served_to_this_machine_only(live):
    assert live._server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:PORT"}, 200),
        ({"Host": "evil.example:PORT"}, 403),  # a foreign name that was made to resolve to this machine
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:PORT"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another port of this machine
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_only_its_own_page_is_answered(live, headers, status):
    headers = {name: value.replace("PORT", str(port_of(live))) for name, value in headers.items()}
    for path in ("/", "/state", "/live.js"):
        assert ask(live, path, **headers).status == status


def test_answers_forbid_embedding_and_foreign_addresses(live):
    for path in ("/", "/state", "/picture", "/nothing"):
        headers = ask(live, path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and headers["Cache-Control"] == "no-store"
    assert ask(live, "/nothing").status == 404 and ask(live, "/../etc/passwd").status == 404
    assert ask(live, "/", method="POST").status == 501
    page = ask(live, "/").body.decode() + live_module.live_page.SCRIPT + live_module.live_page.CSS
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}  # a name, fetched by nobody


def test_clients_are_bounded_and_silent_ones_make_room(live, monkeypatch):
    monkeypatch.setattr(live_module._Handler, "timeout", 0.5)
    silent = [socket.create_connection((ADDRESS, port_of(live))) for _ in range(live_module.MAX_CLIENTS)]
    end = time.monotonic() + 5
    while ask(live, "/state").status != 503:
        assert time.monotonic() < end, "all places are taken, and still there is an answer"
    while ask(live, "/state").status == 503:
        assert time.monotonic() < end, "silent clients are never let go"
    for one in silent:
        one.close()


def test_a_port_that_is_taken_is_named(live):
    with pytest.raises(PortInUseError, match=f"port {port_of(live)}"):
        Live(port=port_of(live))


def test_closing_leaves_no_thread_and_frees_the_port():
    before = threading.active_count()
    with Live(port=0) as page:
        assert ask(page, "/").status == 200
        port = port_of(page)
    assert threading.active_count() <= before
    with Live(port=port):
        pass


# ---------------------------------------------------------------------------------------------- what is told


def test_seconds_and_events_come_once_and_gaps_are_null(live):
    seen = watched(30, 2)
    play(live, seen, fps=2.0, finish=False)
    first = state(live)
    assert [tick["t"] for tick in first["ticks"]] == [float(second) for second in range(1, 31)]
    away = [tick for tick in first["ticks"] if 10 < tick["t"] <= 20]
    assert all("t0002" not in tick["faces"] for tick in away) and len(away) == 10
    assert all(tick["facing"][1] is None and tick["value"] is None for tick in first["ticks"])  # two faces are no group
    assert {one["kind"] for one in first["events"]} == {"micro", "macro", "blink"}
    again = state(live, first["sequence"])
    assert again["ticks"] == again["events"] == []


def test_the_end_tells_the_three_answers(live):
    play(live, watched(5, 4), fps=2.0)
    told = state(live)
    answers = [answer[MICRO] for answer in told["answers"]]
    assert told["ended"] == "The recording has ended." and len(answers) == 4
    assert answers[2].startswith("refused: ") and answers[3].startswith("not analysed: ")
    assert answers[1].startswith("none found in ")


def test_latency_and_dropped_frames_are_those_of_the_source():
    now = [100.0]
    with Live(port=0, clock=lambda: now[0]) as page:
        assert state(page)["latency"] is None  # nobody knows yet

        class Behind:
            zero, dropped = 100.0, 3

        page.follow(Behind())
        page.started(source(5.0))
        for number in range(9):
            now[0] = 100.0 + number / 10 + 0.25  # a frame of 0.0 s is seen at 0.25 s
            page.frame(number, number / 10, picture(64, 48), [])
        told = state(page)
        assert told["latency"] == pytest.approx(0.25) and told["dropped"] == 3
        assert told["dropped_share"] == pytest.approx(3 / 12)
        now[0] += 1.0
        assert page.picture()[1] >= 1.0  # the age of a picture grows while none comes


def test_few_pictures_are_made_while_nobody_looks(live):
    live.started(source(5.0))
    live.frame(0, 0.0, picture(64, 48), [])
    first = live._picture
    live.frame(1, 0.1, picture(64, 48, seed=1), [])
    assert live._picture is first
    answer = ask(live, "/picture")
    assert answer.status == 200 and answer.body[:2] == b"\xff\xd8" and float(answer.headers["X-Age"]) >= 0
    time.sleep(live_module._PICTURES_S)
    live.frame(2, 0.2, picture(64, 48, seed=2), [])
    assert live._picture is not first


def test_a_source_that_cannot_show_micro_expressions_is_told(live):
    live.started(source(20.0))
    for second in range(1, 8):
        live.frame(second, float(second), picture(64, 48), [face(tier="D", reasons=("face_small",))])
        live.second(float(second), [quality("t0001", float(second), "D", ("face_small",))], [])
    told = state(live)["banner"]
    assert "at most 12 px between the eyes; it takes 25 and 40" in told and "the face is too small" in told


def test_what_is_kept_is_bounded(live):
    live.started(source(20.0))
    for second in range(1, live_module.KEPT_S + 50):
        live.second(float(second), [], [])
        live.event(event(f"t{second:04d}", 1, MICRO, float(second)))
    told = state(live)
    assert len(told["ticks"]) == live_module.KEPT_S and len(told["events"]) == live_module.KEPT_EVENTS
    assert len(live._counts) == live_module.KEPT_FACES


def test_the_classroom_shows_its_notice_and_no_single_face_below_five():
    with Live(make_view("classroom"), port=0) as page:
        made = ask(page, "/").body.decode()
        assert all(sentence in made for sentence in words.NOTICE)
        play(page, watched(8, 4, model=True), fps=2.0)
        told = state(page)
        assert all(tick["shares"] is None for tick in told["ticks"])
        assert all(one["class"] == "" for one in told["events"])


def test_names_do_not_break_out_of_the_page():
    facts = {**Live.facts(_Bare(make_view("classroom"))), "title": "</script><script>alert(1)</script>"}
    made = live_module.live_page.html(facts)
    assert "<script>alert" not in made and made.count("</script>") == 2


class _Bare:
    def __init__(self, view):
        self.view = view


# ------------------------------------------------------------------------------------------------- in a browser


def seen_in_browser(page: Live, profile) -> str:
    """What the page holds after a real browser ran it, without its scripts."""
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
         "--virtual-time-budget=4000", "--dump-dom", page.address],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    shown = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    assert 'src="blob:http://127.0.0.1' in shown  # a picture came
    paths = re.findall(r'<path d="(M[^"]+)"', shown)
    assert paths and not any("NaN" in path for path in paths)
    return shown


in_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")


@in_browser
@pytest.mark.parametrize("preset", ["plain", "classroom"])
def test_a_browser_draws_it(tmp_path, preset):
    with Live(make_view(preset), port=0) as page:
        play(page, watched(70, 8), fps=1.0)
        shown = seen_in_browser(page, tmp_path)
    assert "lesson.webm" in shown and "The recording has ended." in shown
    assert "none found in" in shown and "refused: the face is too small" in shown
    assert ("Group value" in shown) == (preset == "classroom")


@in_browser
@pytest.mark.slow
@pytest.mark.dlib
def test_a_file_replayed_at_its_own_speed_drives_the_page(tmp_path):
    people = [Person((90, 90), 48, ((1.2, 0.9, (12,), 0.05),))]
    video = film(tmp_path / "v.avi", draw(people, 5, 15, (180, 180)), 15, "MJPG")
    with Live(port=0) as page:
        replay = threading.Thread(target=watch, args=(video,), kwargs={"observers": [page], "live": True})
        replay.start()
        while replay.is_alive() and not state(page)["ticks"]:
            time.sleep(0.1)
        shown = seen_in_browser(page, tmp_path / "profile")
        replay.join()
        told = state(page)
    assert "v.avi" in shown and re.search(r"latency \d+ ms", shown) and "frames dropped" in shown
    assert told["ended"] and told["latency"] is not None and told["frames"] + told["dropped"] == 75
