"""The line to Stripe: one client with deadlines, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

import stripe
from django.conf import settings

from billing.gateways.contract import NotFound
from common.http import CONNECT_SECONDS, Kind, ServiceError

READ_SECONDS: Final = 20.0
NETWORK_RETRIES: Final = 2  # by the SDK, with the same idempotency key


def client() -> stripe.StripeClient:
    """Return the client for the key in the settings. Raises ServiceError where there is none."""
    if not settings.STRIPE_API_KEY:
        raise ServiceError("refused", "STRIPE_API_KEY is not set, so Stripe can't be asked.")
    return _client(settings.STRIPE_API_KEY, settings.STRIPE_API_URL, settings.STRIPE_API_VERSION)


@lru_cache(maxsize=4)
def _client(key: str, url: str, version: str) -> stripe.StripeClient:
    # Kept, because it holds a connection for each thread; a TLS handshake a call is slow.
    return stripe.StripeClient(
        key,
        stripe_version=version,
        base_addresses={"api": url} if url else {},
        http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        max_network_retries=NETWORK_RETRIES,
    )


@contextmanager
def asking() -> Iterator[None]:
    """Turn what the SDK raises into ServiceError or NotFound.

    Nothing is ever `unknown`: what moves money carries our idempotency key, everything else can be
    said twice, so the answer to doubt is to ask again.
    """
    try:
        yield
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            raise NotFound(_words(error)) from error
        raise _as_service_error("refused", error) from error
    except (stripe.CardError, stripe.IdempotencyError) as error:
        raise _as_service_error("refused", error) from error
    except stripe.StripeError as error:
        # Lost connections, timeouts, 409 (the same key is being worked on), 429 and 5xx. Also 401
        # and 403: nothing was done, and with the right key in the settings it will be.
        raise _as_service_error("retry", error) from error


def _as_service_error(kind: Kind, error: stripe.StripeError) -> ServiceError:
    body = error.http_body if isinstance(error.http_body, str) else ""
    return ServiceError(kind, _words(error), status=error.http_status or 0, body=body[:2000])


def _words(error: stripe.StripeError) -> str:
    if isinstance(error, stripe.APIConnectionError):
        return "Stripe could not be reached or did not answer in time."
    return f"Stripe answered {error.http_status}: {error.user_message or 'no reason given'}"
