"""Names as people type them, brought to forms that can be compared: the rules alone, without the sets they belong to.

Case, blanks of any kind, full-width and other digits, and signs that cannot be seen never tell two names apart.
"""

from __future__ import annotations

import re
import unicodedata

# What stands before the number of a subject and says no more than that it is one.
_WORDS = "s|su|sb|sbj|sub|subj|subject|id|sid|subid|subjid|subjectid|no|nr|number|participant|person"


def clean(text: str) -> str:
    """Text without what cannot be seen: outer and invisible blanks, forms that differ in width, digits of any script.

    Example:
        >>> clean("\\u00a0CASME\\u2161\\u200b"), clean("\\uff11\\u0662")
        ('CASMEII', '12')
    """
    if text.isascii():  # as nearly always
        return text.strip()
    text = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return "".join(str(unicodedata.decimal(sign, sign)) for sign in text).strip()


def plain(text: str) -> str:
    """A name without case, blanks, hyphens and underscores. Other signs count: CAS(ME)^2 is not CASME II.

    Example:
        >>> plain("CASME-II"), plain("my_set ")
        ('casmeii', 'myset')
    """
    return re.sub(r"[\s_-]", "", clean(text)).casefold()


def one_slip(one: str, other: str) -> bool:
    """Whether one letter too many, too few, wrong or in the place of its neighbour makes one word the other.

    Another digit is another number, no slip.

    Example:
        >>> one_slip("casmme2", "casme2"), one_slip("smam", "samm"), one_slip("casme9", "casme2"), one_slip("x", "xy2")
        (True, True, False, False)
    """
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    left, right = one[same:], other[same:]
    if left[1:] == right[1:]:
        changed = left[:1] + right[:1]
    elif left[1:] == right or left == right[1:]:
        changed = left[0] if len(left) > len(right) else right[0]
    elif left[:2] == right[:2][::-1] and left[2:] == right[2:]:
        changed = left[:2]
    else:
        return False
    return not any(sign.isdigit() for sign in changed)


def joined(text: str) -> str:
    """A subject id in lower case, numbers without leading zeros and ``.0``, letters and numbers joined.

    Signs between two numbers become a hyphen, so that ``1-2`` is not ``12``.

    Example:
        >>> joined("Sub 01"), joined("006"), joined("6.0"), joined("P_01_2")
        ('sub1', '6', '6', 'p1-2')
    """
    text = re.sub(r"(?<=\d)\.0+$", "", clean(text).casefold())
    text = re.sub(r"[\s_.\-#:]+", "-", text)
    text = re.sub(r"(?<!\d)-|-(?!\d)", "", text)
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def subject_form(text: str) -> str:
    """The form that all spellings of a subject id share: ``joined``, without a word that only says "subject".

    Example:
        >>> {subject_form(text) for text in ("1", "01", "sub01", "Sub 1", "S1", "subject_001", "id-1", "1.0")}
        {'1'}
        >>> subject_form("P01"), subject_form("KA"), subject_form("s1a")
        ('p1', 'ka', '1a')
    """
    return re.sub(rf"^(?:{_WORDS})(?=\d)", "", joined(text))


def subject_number(text: str) -> tuple[str, bool]:
    """What follows the letters of a subject's form, and whether letters of unknown meaning stand before it.

    Example:
        >>> subject_number("sub01"), subject_number("P01"), subject_number("KA")
        (('1', False), ('1', True), ('ka', False))
    """
    form = subject_form(text)
    match = re.fullmatch(r"[^\W\d]+(\d.*)", form)
    return (match[1], True) if match else (form, False)


def clip_form(text: str) -> str:
    """The form that all spellings of a clip's name share: case and blanks do not count, padding does.

    Example:
        >>> clip_form("EP02_01f "), clip_form("ep02_01F")
        ('ep02_01f', 'ep02_01f')
    """
    return " ".join(clean(text).casefold().split())


def loose_clip_form(text: str) -> str:
    """``clip_form`` without leading zeros of numbers and without the ending of a picture or video file.

    Example:
        >>> loose_clip_form("006_01_2.avi"), loose_clip_form("EP02_01f")
        ('6_1_2', 'ep2_1f')
    """
    text = re.sub(r"\.(?:jpe?g|png|bmp|tiff?|avi|mp4|mkv|mov)$", "", clip_form(text))
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)
