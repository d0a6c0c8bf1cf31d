"""How dj-stripe may read from Stripe: never in its transaction, never with our key, never to write.

dj-stripe asks Stripe in the middle of a transaction and keeps the key it asks with in a table, in
clear text. So it gets a key that opens nothing and a way out that knows only the pages laid ready:
what is missing ends the try, is fetched with no transaction open, and the next try has it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, cast
from urllib.parse import urlsplit

import stripe
from django.conf import settings

from billing.gateways.stripe.connection import NETWORK_RETRIES, READ_SECONDS, asking
from common.http import CONNECT_SECONDS, ServiceError

Page = tuple[str, int, Mapping[str, str]]

MOST_PAGES: Final = 100
# A restricted key may not ask for its own account, and nothing here needs to know it.
SOME_ACCOUNT: Final = {"id": "acct_unknown", "object": "account"}

_ready: ContextVar[dict[str, Page] | None] = ContextVar("stripe_pages", default=None)


class Missing(BaseException):
    """A page must be fetched first. No Exception: dj-stripe catches those here and there."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class ReadyPages(stripe.HTTPClient):
    """A client for the SDK's global functions that answers from the pages laid ready."""

    name = "ready pages"

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Page:
        """Return a page laid ready. Raises Missing; what would change something is not found."""
        if method.lower() != "get":
            # dj-stripe deletes a customer at Stripe when it hears that one was deleted.
            error = {"type": "invalid_request_error", "message": "No such customer: read only"}
            return json.dumps({"error": error}), 404, {}
        parts = urlsplit(url)
        address = f"{parts.path}?{parts.query}" if parts.query else parts.path
        pages = _ready.get()
        if pages is None or address not in pages:
            raise Missing(address)
        return pages[address]


def placeholder_key(*, live: bool) -> str:
    """Return a key of the right form that opens nothing."""
    return ("sk_live_" if live else "sk_test_") + "mirror" * 4


def read_through(work: Callable[[], object]) -> None:
    """Run `work`, as often as it takes, with every page it asks Stripe for laid ready.

    `work` must be repeatable until it succeeds, such as one transaction. Raises ServiceError.
    """
    with _own_client() as pages:
        for _ in range(MOST_PAGES):
            try:
                work()
                return
            except Missing as missing:
                pages[missing.address] = _fetch(missing.address)
    raise ServiceError("refused", f"More than {MOST_PAGES} pages for one event.")


@contextmanager
def _own_client() -> Iterator[dict[str, Page]]:
    if not isinstance(stripe.default_http_client, ReadyPages):
        # For good: our own calls have a client of their own.
        stripe.default_http_client = ReadyPages()
    pages: dict[str, Page] = {}
    token = _ready.set(pages)
    try:
        yield pages
    finally:
        _ready.reset(token)


def _fetch(address: str) -> Page:
    """Ask Stripe. Raises ServiceError; that something is gone is an answer."""
    http = stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS))
    headers = {
        "Authorization": f"Bearer {settings.STRIPE_API_KEY}",
        "Stripe-Version": settings.STRIPE_API_VERSION,
    }
    url = (settings.STRIPE_API_URL or stripe.DEFAULT_API_BASE) + address
    try:
        with asking():
            answer = http.request_with_retries(
                "get", url, headers, max_network_retries=NETWORK_RETRIES
            )
    finally:
        cast(Any, http).close()
    body, status, got = answer
    if status == 403 and address == "/v1/account":
        return json.dumps(SOME_ACCOUNT), 200, {}
    if status in (401, 403):
        raise ServiceError("refused", f"Stripe answered {status}.", status=status)
    if status == 429 or status >= 500:
        raise ServiceError("retry", f"Stripe answered {status}.", status=status)
    # The SDK says text and hands over bytes.
    return body.decode() if isinstance(body, bytes) else body, status, dict(got)
