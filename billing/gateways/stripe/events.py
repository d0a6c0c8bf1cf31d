"""Stripe's webhooks: who signed them, and what they are about."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import stripe
from django.conf import settings

from billing.gateways.contract import BadSignature, Event, Kind
from billing.gateways.stripe.read import ident

TOLERANCE: Final = 300  # seconds, both ways
ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
TYPE: Final = re.compile(r"[a-z0-9_.]{1,100}")


def verify(body: bytes, headers: Mapping[str, str]) -> None:
    """Raise BadSignature unless Stripe signed these bytes with one of our secrets just now."""
    header = next(
        (text for name, text in headers.items() if name.lower() == "stripe-signature"), ""
    )
    if not any(_signed(body, header, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS):
        raise BadSignature("Stripe did not sign this with a secret we know, or not just now.")
    # The library looks backwards only; a time far ahead would stay valid for as long as it likes.
    if _timestamp(header) > time.time() + TOLERANCE:
        raise BadSignature("The signature is from the future.")


def _signed(body: bytes, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # ValueError: not UTF-8. TypeError: a signature beyond ASCII can't be compared.
        return False
    return True


def _timestamp(header: str) -> int:
    return next(int(part[2:]) for part in header.split(",") if part.startswith("t="))


def parse(body: bytes) -> Event:
    """Return what an event is about. Raises ValueError for what is no event."""
    try:
        data = json.loads(body)
    except RecursionError as error:
        raise ValueError("The body is nested too deep.") from error
    if not isinstance(data, dict) or data.get("object") != "event":
        raise ValueError("The body is no event of Stripe.")
    ref, kind = data.get("id"), data.get("type")
    if not (isinstance(ref, str) and ID.fullmatch(ref)):
        raise ValueError("The event has no usable id.")
    if not (isinstance(kind, str) and TYPE.fullmatch(kind)):
        raise ValueError("The event has no usable type.")
    outer = data.get("data")
    thing = outer.get("object") if isinstance(outer, dict) else None
    pairs = _about(kind, thing) if isinstance(thing, dict) else iter(())
    # Once each, in order, and only ids that can be asked for.
    return Event(ref, kind, tuple(dict.fromkeys(pair for pair in pairs if ID.fullmatch(pair[1]))))


def _about(kind: str, thing: dict[str, Any]) -> Iterator[tuple[Kind, str]]:
    """Yield what to ask for. Everything else is for the mirror only."""
    own = ident(thing.get("id"))
    if kind.startswith("checkout.session."):
        yield Kind.CHECKOUT, own
    elif kind.startswith("invoice."):
        yield Kind.INVOICE, own  # a preview ("upcoming") has no id and is dropped
        yield Kind.SUBSCRIPTION, _subscription_of(thing) if own else ""
    elif kind.startswith("invoice_payment."):
        yield Kind.INVOICE, ident(thing.get("invoice"))
    elif kind.startswith("customer.subscription."):
        yield Kind.SUBSCRIPTION, own
    elif kind.startswith("charge.dispute."):
        yield Kind.DISPUTE, own
    elif kind.startswith(("refund.", "charge.refund.")):
        yield Kind.REFUND, own
    elif kind.startswith("charge."):
        yield Kind.PAYMENT, ident(thing.get("payment_intent"))
        yield from _refunds_of(thing)
    elif kind.startswith("payment_intent."):
        yield Kind.PAYMENT, own


def _subscription_of(invoice: dict[str, Any]) -> str:
    parent = invoice.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    if isinstance(details, dict):
        return ident(details.get("subscription"))
    # An endpoint with an API version before 2025-03-31.basil.
    return ident(invoice.get("subscription"))


def _refunds_of(charge: dict[str, Any]) -> Iterator[tuple[Kind, str]]:
    refunds = charge.get("refunds")
    rows = refunds.get("data") if isinstance(refunds, dict) else None
    for row in rows if isinstance(rows, list) else ():
        yield Kind.REFUND, ident(row)
