"""What people paste along with an idea: flags, weights, choices and model tags of other tools.

`read_syntax` lifts flags and unwanted words out, takes the markup off the rest and leaves plain
words. Reading its own answer again changes nothing.

Sources: Midjourney, Pika bot, AUTOMATIC1111 and ComfyUI prompt syntax.
"""

import re
from dataclasses import dataclass, field

from .text import clean_space

_HINT = re.compile(r"[<>{}\[\]()\\\u2013\u2014\u2212]|-|::|BREAK|:\s*\d|embedding:")
_NAMES = {
    "aspect": "ar",
    "stylize": "s",
    "chaos": "c",
    "weird": "w",
    "quality": "q",
    "repeat": "r",
    "version": "v",
    "negative": "no",
    "neg": "no",
    "motion": "motion",
    "profile": "p",
    **{
        name: name
        for name in [
            "ar",
            "s",
            "c",
            "w",
            "q",
            "r",
            "v",
            "p",
            "no",
            "seed",
            "tile",
            "raw",
            "style",
            "iw",
            "sref",
            "sw",
            "sv",
            "cref",
            "cw",
            "oref",
            "ow",
            "exp",
            "draft",
            "stop",
            "niji",
            "hd",
            "video",
            "fast",
            "relax",
            "turbo",
            "stealth",
            "public",
            "gs",
            "fps",
            "camera",
            "test",
            "testp",
            "creative",
            "upbeta",
            "uplight",
            "sameseed",
            "loop",
            "end",
            "bs",
        ]
    },
}
_SWITCHES = frozenset(
    [
        "tile",
        "raw",
        "draft",
        "hd",
        "video",
        "fast",
        "relax",
        "turbo",
        "stealth",
        "public",
        "test",
        "testp",
        "creative",
        "upbeta",
        "uplight",
        "sameseed",
        "loop",
    ]
)
_LISTS = frozenset({"no"})
_PIKA = "ar|neg|motion|gs|fps|seed|camera"
_ANY_NAME = "|".join(sorted(_NAMES, key=lambda name: (-len(name), name)))
_FLAG = re.compile(
    rf"(?:^|(?<=[\s,;.]))(?:(?:--|[\u2013\u2014\u2212]-?)({_ANY_NAME})(?![\w'])"
    rf"|-({_PIKA})(?![\w'-]))[:=]?",
    re.IGNORECASE,
)
_STRAY = re.compile(r"(?:^|(?<=[\s,;.]))--+(?=\w)")
_NEXT_FLAG = re.compile(r"\s(?:--|[\u2013\u2014\u2212](?=\w)|-(?=(?:" + _PIKA + r")\b))")
_VALUE = re.compile(r"\s*([^\s,]+)")
_CAMERA = re.compile(r"\s*((?:zoom|pan|rotate)(?:\s+(?:in|out|up|down|left|right|cw|ccw))*)", re.I)
_TAG = re.compile(r"<(?:lora|lyco|locon|hypernet|embedding):[^<>,]*>|\bembedding:[^\s,]+", re.I)
_CHOICE = re.compile(r"\{([^{}]*)\}")
_EDIT = re.compile(r"\[([^\[\],:|]*)[:|]([^\[\],]*)\]")
_WEIGHTED = re.compile(r"\(([^()]*?)\s*:\s*-?\d+(?:\.\d+)?\s*\)")
_WEIGHT_TAIL = re.compile(r"\s*:\s*-?\d+(?:\.\d+)?\s*\)")
_MULTI = re.compile(r"\s*:{2,}\s*(?:-?(?:\d+(?:\.\d+)?|\.\d+))?")
_BREAK = re.compile(r"\bBREAK\b")


@dataclass(slots=True)
class Syntax:
    """Plain words, and what stood beside them.

    `flags` maps flag names to values as typed (a switch has an empty value), the first one wins;
    `negatives` are words typed after `--no` or `-neg`; `removed` pairs markup with what it became.
    """

    text: str
    flags: dict[str, str] = field(default_factory=dict)
    negatives: list[str] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)


def read_syntax(text: str) -> Syntax:
    """Take flags and markup out of a text; lines become comma-separated parts."""
    if "\n" in text or "\r" in text:
        text = ", ".join(part for part in re.split(r"[\r\n]+", text) if part.strip())
    text = clean_space(text)
    syntax = Syntax(text)
    if not _HINT.search(text):
        return syntax
    while True:
        before = syntax.text
        _lift_flags(syntax)
        _take_markup(syntax)
        syntax.text = clean_space(syntax.text)
        if syntax.text == before:
            return syntax


def _lift_flags(syntax: Syntax) -> None:
    while match := _FLAG.search(syntax.text):
        text = syntax.text
        name = _NAMES[(match.group(1) or match.group(2)).lower()]
        value, end = _value_of(name, text, match.end())
        if name in _LISTS:
            syntax.negatives += [part.strip() for part in value.split(",") if part.strip()]
        else:
            syntax.flags.setdefault(name, value)
        syntax.text = text[: match.start()].rstrip() + " " + text[end:].lstrip()
    syntax.text = _STRAY.sub("", syntax.text)


def _value_of(name: str, text: str, start: int) -> tuple[str, int]:
    if name in _SWITCHES:
        return "", start
    if name in _LISTS:
        following = _NEXT_FLAG.search(text, start)
        end = following.start() if following else len(text)
        return text[start:end].strip(), end
    match = (_CAMERA if name == "camera" else _VALUE).match(text, start)
    if match is None or match.group(1).startswith("--"):
        return "", start
    return match.group(1), match.end()


def _take_markup(syntax: Syntax) -> None:
    text = syntax.text

    def note(match: re.Match[str], kept: str) -> str:
        syntax.removed.append((match.group().strip(), kept.strip()))
        return kept

    text = text.replace("\\(", "(").replace("\\)", ")")
    text = _TAG.sub(lambda match: note(match, " "), text)
    text = _CHOICE.sub(lambda match: note(match, match.group(1).split("|")[0]), text)
    text = _EDIT.sub(lambda match: note(match, match.group(1) or match.group(2)), text)
    count = 1
    while count:  # from the inside out
        text, count = _WEIGHTED.subn(lambda match: note(match, match.group(1)), text)
    text = _WEIGHT_TAIL.sub(lambda match: note(match, " "), text)
    text = _MULTI.sub(lambda match: note(match, ", "), text)
    text = _BREAK.sub(lambda match: note(match, ", "), text)
    syntax.text = text.replace("{", "").replace("}", "")
