"""Rate limits that all processes share."""

import time

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from common.errors import UserError

log = structlog.get_logger(__name__)


def limit(name: str, subject: str, *, most: int, seconds: int) -> None:
    """Count one use of `name` by `subject`; raise UserError `rate_limited` (429) beyond `most`.

    A fixed window of `seconds`, counted atomically in the shared cache. When the cache is down, the
    page stays open: this guards against waste, not against intruders.
    """
    window, passed = divmod(time.time(), seconds)
    key = f"limit:{name}:{subject}:{window:.0f}"
    try:
        cache.add(key, 0, timeout=seconds + 1)
        used = cache.incr(key)
    except (RedisError, OSError, ValueError):
        log.warning("rate_limit_unavailable", limit=name)
        return
    if used > most:
        wait = int(seconds - passed) + 1
        raise UserError(
            "rate_limited",
            f"That was a lot at once. Try again in {wait} seconds.",
            status=429,
            headers={"Retry-After": str(wait)},
            retry_after=wait,
        )
