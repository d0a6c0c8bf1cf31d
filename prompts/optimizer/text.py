"""Text as people see it: clean white space, words, whole characters, UTF-16 lengths."""

import re
import unicodedata

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_UNSAFE = re.compile(
    "[\ud800-\udfff\u0000-\u0008\u000e-\u001b\u007f-\u0084\u0086-\u009f\ufeff\u202a-\u202e\u2066-\u2069]"
)
_JOINER = "\u200d"
_JOINERS = "\u200c\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAGS = range(0x1F1E6, 0x1F200)


def clean_space(text: str) -> str:
    """Return text on one line, single spaces, without what cannot be stored or sent.

    Lone surrogates become the replacement character; control and text-direction characters go.
    """
    if not text.isascii() or not text.isprintable():
        text = _UNSAFE.sub(_safe, text)
    return " ".join(text.split())


def _safe(match: re.Match[str]) -> str:
    return "\ufffd" if "\ud800" <= match.group() <= "\udfff" else " "


def words(text: str) -> list[str]:
    """Return the words of a text in lower case: "Bird's-eye view" is birds, eye, view."""
    if text.isascii():
        return [word.replace("'", "") for word in WORD.findall(text.lower())]
    text = unicodedata.normalize("NFC", text.casefold())
    return "".join([_letter(char) for char in text]).split()


def _letter(char: str) -> str:
    """Return what a character adds to a word: marks and emoji count as letters."""
    if char.isalnum():
        return char
    if char in "'\u2019":
        return ""
    category = unicodedata.category(char)
    return char if category[0] == "M" or category in ("So", "Sk") or char in _JOINERS else " "


def key_of(text: str) -> str:
    """Return what two spellings of the same words share."""
    return " ".join(words(text)) or text.casefold().strip()


def is_boundary(text: str, index: int) -> bool:
    """Tell whether a cut before `index` leaves every visible character whole."""
    if index <= 0 or index >= len(text):
        return True
    after, before = text[index], text[index - 1]
    if before < "\u0300" and after < "\u0300":
        return True
    if before == _JOINER or after == _JOINER or _extends(after):
        return False
    if ord(after) in _FLAGS and ord(before) in _FLAGS:
        run = index
        while run and ord(text[run - 1]) in _FLAGS:
            run -= 1
        return (index - run) % 2 == 0
    return not _same_syllable(before, after)


def _extends(char: str) -> bool:
    code = ord(char)
    return unicodedata.category(char)[0] == "M" or code in _SKIN_TONES or code in _TAGS


def _same_syllable(before: str, after: str) -> bool:
    """Hangul letters that are written as one block."""
    if not (
        "\u1160" <= after <= "\u11ff"
        or "\u1100" <= after <= "\u115f"
        or "\uac00" <= after <= "\ud7a3"
    ):
        return False
    lead = "\u1100" <= before <= "\u115f"
    if after <= "\u115f" or after >= "\uac00":
        return lead
    vowel_open = "\u1160" <= before <= "\u11a7" or "\uac00" <= before <= "\ud7a3"
    return lead or vowel_open or ("\u11a8" <= before <= "\u11ff" and after >= "\u11a8")


def cut_characters(text: str, limit: int) -> str:
    """Return the longest beginning of at most `limit` code points that ends between characters."""
    if len(text) <= limit:
        return text
    index = max(limit, 0)
    while index and not is_boundary(text, index):
        index -= 1
    return text[:index]


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 units: an emoji counts two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def cut_utf16(text: str, limit: int) -> str:
    """Return the longest beginning of at most `limit` UTF-16 units, cut after a word if it can."""
    if utf16_length(text) <= limit:
        return text
    index = used = 0
    for char in text:
        used += 2 if char > "\uffff" else 1
        if used > limit:
            break
        index += 1
    short = cut_characters(text, index)
    space = short.rfind(" ")
    return (short[:space] if space > len(short) * 3 // 4 else short).rstrip(" ,;:")
