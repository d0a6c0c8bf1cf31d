"""Optimise: an idea becomes prompts for five platforms. Every door calls these functions."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import orjson
from django.conf import settings

from billing.flows import quotas
from prompts import optimizer
from prompts.errors import PromptsError
from prompts.flows import vocabulary
from prompts.optimizer import OptimizeInputError, OptimizeRequest
from prompts.optimizer.engine import MOST_VARIANTS, VARIANT_SLOTS

MOST_IDEAS = 20  # in one batch
LARGEST_KEPT = 20_000  # bytes as JSON of a request with its result; a usual one has 6,000


class ResultCache:
    """The newest results of this process, at most `settings.OPTIMIZE_CACHE_SIZE`.

    Results of more than LARGEST_KEPT bytes are not kept, so that the memory has a bound too.
    """

    def __init__(self) -> None:
        self._results: OrderedDict[tuple[str, OptimizeRequest], dict[str, Any]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, OptimizeRequest]) -> dict[str, Any] | None:
        """Return a kept result, which then counts as the newest."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        return None

    def put(self, key: tuple[str, OptimizeRequest], result: dict[str, Any]) -> None:
        """Keep a result that is not too large; the oldest one beyond the size goes."""
        # Writing the JSON takes a fiftieth of the time that the result took.
        if len(orjson.dumps((key[1], result))) > LARGEST_KEPT:
            return
        with self._lock:
            self._results[key] = result
            while len(self._results) > settings.OPTIMIZE_CACHE_SIZE:
                self._results.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._results.clear()


cache = ResultCache()


def parse(data: Mapping[str, Any]) -> OptimizeRequest:
    """Return the request in `data`. Raises PromptsError with `field` set."""
    try:
        request = OptimizeRequest.parse(data)
        optimizer.check_choices(request, vocabulary.current())
        return request
    except OptimizeInputError as error:
        raise PromptsError(error.code, error.message, field=error.field) from None


def parse_batch(data: Mapping[str, Any]) -> list[OptimizeRequest]:
    """Return the requests of a batch: `{"ideas": [{…}, …]}`. Raises PromptsError."""
    items = data.get("ideas")
    if not isinstance(items, list) or not items:
        raise PromptsError("missing_field", "Send a list of ideas.", field="ideas")
    if len(items) > MOST_IDEAS:
        raise PromptsError("too_many", f"Send at most {MOST_IDEAS} ideas at once.", field="ideas")
    requests = []
    for place, item in enumerate(items):
        if isinstance(item, str):
            item = {"idea": item}
        if not isinstance(item, dict):
            raise PromptsError(
                "invalid_type", "Each idea is a text or an object.", field=f"ideas[{place}]"
            )
        try:
            requests.append(parse(item))
        except PromptsError as error:
            error.extra["field"] = f"ideas[{place}].{error.extra.get('field', '')}".rstrip(".")
            raise
    return requests


def run(request: OptimizeRequest) -> dict[str, Any]:
    """Return the result for one request, in the shape every door answers with."""
    words = vocabulary.current()
    key = (words.version, request)
    kept = cache.get(key)
    if kept is None:
        kept = optimizer.optimize(request, words).as_dict()
        cache.put(key, kept)
    return kept


def parse_variants(data: Mapping[str, Any]) -> tuple[OptimizeRequest, str, int]:
    """Return request, slot, count of `{"idea": …, "slot": …, "count": …}`. Raises PromptsError."""
    rest = dict(data)
    slot, count = rest.pop("slot", None), rest.pop("count", 2)
    if slot not in VARIANT_SLOTS:
        slots = ", ".join(VARIANT_SLOTS)
        raise PromptsError("invalid_value", f"The slot is one of {slots}.", field="slot")
    if isinstance(count, bool) or not isinstance(count, int):
        raise PromptsError("invalid_type", "The count is a whole number.", field="count")
    if not 2 <= count <= MOST_VARIANTS:
        raise PromptsError(
            "invalid_value", f"Ask for 2 to {MOST_VARIANTS} variants.", field="count"
        )
    return parse(rest), slot, count


def for_key(
    key_text: str, requests: Sequence[OptimizeRequest]
) -> tuple[list[dict[str, Any]], quotas.Charge]:
    """Charge a key one unit per idea and return the results; a failure gives the units back.

    Raises KeyRefused and QuotaExhausted.
    """
    granted = quotas.charge(key_text, len(requests))
    try:
        return [run(request) for request in requests], granted
    except BaseException:
        quotas.give_back(granted)
        raise


def variants_for_key(
    key_text: str, request: OptimizeRequest, slot: str, count: int
) -> tuple[list[dict[str, Any]], quotas.Charge]:
    """Charge a key one unit per variant and return results that differ in one slot.

    There are fewer than `count` where the vocabulary has no more words that fit; what was not
    delivered is given back, as is everything after a failure. Raises KeyRefused, QuotaExhausted.
    """
    granted = quotas.charge(key_text, count)
    try:
        results = optimizer.variants(request, vocabulary.current(), slot=slot, count=count)
        granted = quotas.give_back_part(granted, count - len(results))
        return [result.as_dict() for result in results], granted
    except BaseException:
        quotas.give_back(granted)
        raise
