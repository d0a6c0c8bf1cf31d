"""Trial: a vocabulary is run once with every profile and preset before it is published."""

from collections.abc import Iterator, Mapping

import orjson

from .choices import VERSIONED, choices_of
from .engine import optimize
from .request import OptimizeRequest
from .vocabulary import Vocabulary

# Between them: every kind of typed flag, camera moves, a long idea, other scripts, no subject.
IDEAS = (
    "a red fox in snow, golden hour, film grain",
    "portrait of an old fisherman, photograph, slow push in, no people --ar 16:9 --s 750 --c 10 "
    "--w 20 --q 1 --iw 1 --sw 50 --cw 50 --ow 50 --stop 50 --r 2 --niji 6 --exp 5 --sv 2 --tile "
    "--raw --draft --sref https://example.org/a.png --cref https://example.org/b.png --seed 7 "
    "--no text -motion 3 -gs 9 -fps 12 -camera pan left",
    "日本の庭 🦊, anime, zoom in, " + "moss on old stones, " * 60,
    "8k, best quality",
)


def try_out(vocabulary: Vocabulary) -> None:
    """Build what forms and results need from a vocabulary; whatever does not work raises.

    Raises ValueError that names the profile or preset. Takes about 50 ms.
    """
    choices_of(vocabulary)
    for name, options in _cases(vocabulary):
        for idea in IDEAS:
            try:
                request = OptimizeRequest.parse({"idea": idea, "negative": "people", **options})
                orjson.dumps(optimize(request, vocabulary).as_dict())
            except Exception as error:
                raise ValueError(f"{name} does not work: {error}") from error


def _cases(vocabulary: Vocabulary) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield "The vocabulary", {}
    for platform in VERSIONED:
        for version, profile in vocabulary.profiles[platform].items():
            yield profile.title, {f"{platform}_version": version}
    for code, preset in vocabulary.presets.items():
        yield preset.title, {"preset": code}
