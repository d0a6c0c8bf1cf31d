"""The way out: HTTP with deadlines, retries where they are safe, and a guarded fetch.

Every call to a service goes through `call`; every address that a user typed goes through `fetch`.
"""

import ipaddress
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import requests
from requests_hardened import Config, Manager
from urllib3.exceptions import HTTPError

from common.deadline import Deadline

Kind = Literal["refused", "retry", "unknown"]
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
USER_AGENT = "Atelier/1.0"
CONNECT_SECONDS = 3.0
LARGEST_ANSWER = 20_000_000  # bytes


class ServiceError(Exception):
    """A service did not do what was asked.

    `refused`: it said no, asking again is pointless. `retry`: it did nothing, ask later. `unknown`:
    it may have done it; look before asking again. `body` holds the start of its answer.
    """

    def __init__(self, kind: Kind, message: str, *, status: int = 0, body: str = "") -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Answer:
    """A complete answer: `content` is at most the size that was allowed."""

    status: int
    headers: dict[str, str]
    content: bytes
    url: str


class Slow(Exception):
    """The deadline passed."""


def _read(response: requests.Response, *, deadline: Deadline, most: int) -> bytes:
    """Read the body piece by piece, so that neither a drip nor a flood can hold us."""
    parts: list[bytes] = []
    size = 0
    for part in _pieces(response):
        size += len(part)
        if size > most:
            raise ServiceError("refused", f"The answer is larger than {most} bytes.")
        parts.append(part)
    if deadline.passed:
        raise Slow  # the body ended because we cut it off
    return b"".join(parts)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    # read1 hands over what one recv brought; iter_content would wait for a full chunk of a drip.
    raw = response.raw
    while part := raw.read1(65536, decode_content=True):
        yield part


def _failure(error: Exception, *, safe: bool) -> ServiceError:
    """Say what a broken call means: with an idempotent method nothing is lost by asking again."""
    never_sent = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)
    kind: Kind = "retry" if safe or never_sent else "unknown"
    words = "did not answer in time" if _is_slow(error) else "could not be reached"
    return ServiceError(kind, f"The service {words}.")


def _is_slow(error: Exception) -> bool:
    return isinstance(error, (Slow, requests.Timeout)) or "timed out" in str(error).lower()


def _judge(answer: Answer, *, safe: bool) -> None:
    """Raise what the status of an answer means."""
    if answer.status < 400:
        return
    body = answer.content[:2000].decode(errors="replace")
    if answer.status in (408, 425, 429, 502, 503, 504) or (answer.status >= 500 and safe):
        # 502 and 504 come from a proxy that may have passed the call on.
        doubtful = answer.status in (408, 502, 504) and not safe
        kind: Kind = "unknown" if doubtful else "retry"
    elif answer.status >= 500:
        kind = "unknown"
    else:
        kind = "refused"
    raise ServiceError(
        kind, f"The service answered {answer.status}.", status=answer.status, body=body
    )


def call(
    method: str,
    url: str,
    *,
    deadline: float = 60.0,
    tries: int = 3,
    idempotent: bool | None = None,
    most: int = LARGEST_ANSWER,
    **kwargs: Any,
) -> Answer:
    """Call a service and return its complete answer.

    `deadline`: seconds for everything, retries included. Only idempotent calls are tried again
    (GET, HEAD, OPTIONS, PUT, DELETE, or `idempotent=True` where the service takes our key), on lost
    connections, 429 and 5xx, after 0.2, 0.4, … seconds with jitter. Redirects are not followed.
    `kwargs` go to requests. Raises ServiceError.
    """
    safe = method.upper() in IDEMPOTENT if idempotent is None else idempotent
    until = time.monotonic() + deadline
    for attempt in range(1, tries + 1):
        try:
            return _once(method, url, until=until, safe=safe, most=most, **kwargs)
        except ServiceError as error:
            pause = 0.2 * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
            last = attempt == tries or time.monotonic() + pause >= until
            if error.kind != "retry" or not safe or last:
                raise
            time.sleep(pause)
    raise AssertionError("unreachable: the last try raises")


def _once(method: str, url: str, *, until: float, safe: bool, most: int, **kwargs: Any) -> Answer:
    left = max(until - time.monotonic(), 0.05)
    headers = {"User-Agent": USER_AGENT, **kwargs.pop("headers", {})}
    try:
        with (
            requests.Session() as session,
            Deadline(session, left) as deadline,
            session.request(
                method,
                url,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(min(CONNECT_SECONDS, left), left),
                **kwargs,
            ) as response,
        ):
            content = _read(response, deadline=deadline, most=most)
            answer = Answer(response.status_code, dict(response.headers), content, response.url)
    except (requests.RequestException, HTTPError, Slow, OSError) as error:
        raise _failure(error, safe=safe) from error
    _judge(answer, safe=safe)
    return answer


# --- Addresses that a user typed ---------------------------------------------------------------
MOST_REDIRECTS = 3
GUARD = Config(
    ip_filter_enable=True,
    ip_filter_allow_loopback_ips=False,
    never_redirect=True,
    default_timeout=(CONNECT_SECONDS, 10.0),
    user_agent_override=USER_AGENT,
)


def fetch(
    url: str,
    *,
    kinds: tuple[str, ...] = (),
    most: int = 10_000_000,
    deadline: float = 15.0,
    config: Config = GUARD,
) -> Answer:
    """Fetch an address that a user typed, safely.

    Only http and https on ports 80 and 443, only public addresses (resolved once and pinned, so
    that a name cannot change under us), redirects checked one by one, at most `most` bytes within
    `deadline` seconds, and only content types that begin with one of `kinds` when any are given.
    Raises ServiceError; its text may be shown to the user.
    """
    until = time.monotonic() + deadline
    for _ in range(MOST_REDIRECTS + 1):
        _check_address(url, config)
        answer = _guarded_get(url, until=until, most=most, kinds=kinds, config=config)
        if answer.status not in (301, 302, 303, 307, 308):
            _judge(answer, safe=True)
            return answer
        url = urljoin(url, answer.headers.get("Location", ""))
    raise ServiceError("refused", "That address redirects too often.")


def _check_address(url: str, config: Config) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ServiceError("refused", "That is not a web address.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServiceError("refused", "Only http and https addresses can be fetched.")
    if _is_old_ipv6(parts.hostname):
        raise ServiceError("refused", "Only public addresses can be fetched.")
    if parts.username or parts.password:
        raise ServiceError("refused", "An address with a login in it cannot be fetched.")
    if port not in (None, 80, 443) and not config.ip_filter_allow_loopback_ips:
        raise ServiceError("refused", "Only the usual web ports can be fetched.")


def _is_old_ipv6(host: str) -> bool:
    """Whether a host is an IPv4-compatible (::/96) or site-local (fec0::/10) IPv6 address.

    Both are deprecated (RFC 4291, RFC 3879) and pass the filter, though some systems route them.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if not isinstance(address, ipaddress.IPv6Address):
        return False
    return address.is_site_local or int(address) < 2**32


def _guarded_get(
    url: str, *, until: float, most: int, kinds: tuple[str, ...], config: Config
) -> Answer:
    session = Manager(config).get_session()
    session.trust_env = False  # a proxy would resolve the name again, past the guard
    left = max(until - time.monotonic(), 0.05)
    try:
        with (
            session,
            Deadline(session, left) as deadline,
            session.get(
                url, stream=True, allow_redirects=False, timeout=(min(CONNECT_SECONDS, left), left)
            ) as response,
        ):
            kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
            if response.ok and kinds and not kind.startswith(kinds) and not response.is_redirect:
                raise ServiceError(
                    "refused", "That address does not hold the kind of file we need."
                )
            content = b""
            if not response.is_redirect:
                content = _read(response, deadline=deadline, most=most)
            return Answer(response.status_code, dict(response.headers), content, response.url)
    except (requests.RequestException, HTTPError, Slow, OSError, UnicodeError, ValueError) as error:
        raise ServiceError("refused", "That address could not be fetched.") from error
