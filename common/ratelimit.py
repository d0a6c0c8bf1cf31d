"""Rate limits that all processes share."""

import ipaddress
import time

import structlog
from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
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


def visitor_of(request: HttpRequest) -> str:
    """Return what a visitor is counted by: the IPv4 address, or the /64 network of an IPv6 one.

    One household or server has a whole /64 to choose addresses from. Proxies are believed as
    TRUSTED_PROXY_COUNT says; a request that came past them counts by its own address.
    """
    try:
        text = get_adapter().get_client_ip(request)
    except (ImproperlyConfigured, PermissionDenied):
        text = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
