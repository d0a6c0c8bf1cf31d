"""Test payments: a small provider of our own, for development and tests. No money moves.

It keeps books of its own (`SandboxObject`) and answers the seven verbs from them, so everything
that follows a payment runs as it does with a real provider. In production it refuses to exist.
"""

import hmac
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing.gateways.contract import (
    BadSignature,
    CheckoutSnapshot,
    DisputeSnapshot,
    Event,
    InvoiceSnapshot,
    Kind,
    NotFound,
    PaymentSnapshot,
    RefundSnapshot,
    Snapshot,
    Started,
    SubscriptionSnapshot,
)
from billing.models import GatewayPrice, Order, Refund, SandboxObject
from common.http import ServiceError

HEADER = "Atelier-Sandbox-Signature"
TOLERANCE = 300  # seconds
SHAPES: dict[Kind, type[Snapshot]] = {
    Kind.CHECKOUT: CheckoutSnapshot,
    Kind.PAYMENT: PaymentSnapshot,
    Kind.SUBSCRIPTION: SubscriptionSnapshot,
    Kind.INVOICE: InvoiceSnapshot,
    Kind.REFUND: RefundSnapshot,
    Kind.DISPUTE: DisputeSnapshot,
}
TIMES = ("period_start", "period_end", "trial_end", "ended_at", "evidence_due")


class Sandbox:
    """The test provider behind the contract. Raises ImproperlyConfigured in production."""

    code = "sandbox"
    name = "Test payments"

    def __init__(self) -> None:
        if settings.IS_PRODUCTION:
            raise ImproperlyConfigured("Test payments do not exist in production.")

    def create(self, order: Order, *, success_url: str, cancel_url: str) -> Started:
        """Make a checkout that leads to the local payment page, which whoever has the link sees."""
        ref = f"sbx_checkout_{order.uuid.hex}_{order.attempt}"
        price, _ = GatewayPrice.objects.get_or_create(
            gateway=self.code,
            price=order.price,
            defaults={"ref": f"sbx_price_{order.price_id}"},
        )
        data = {
            "state": "open",
            "order_uuid": str(order.uuid),
            "amount": order.total,
            "tax": order.tax,
            "currency": order.currency,
            "email": order.buyer.get("email", ""),
            "country": order.buyer.get("country", ""),
            "customer_ref": f"sbx_customer_{order.account_id}",
            "price_ref": price.ref,
            "mode": "subscription" if order.offer.recurring else "payment",
            "interval": order.price.interval,
            "trial_days": order.quote.get("trial_days", 0),
            "name": "",
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
        SandboxObject.objects.get_or_create(ref=ref, defaults={"kind": Kind.CHECKOUT, "data": data})
        url = settings.PUBLIC_BASE_URL + reverse("billing:test-payment", args=[ref])
        url = f"{url}?key={order.page_key}"
        return Started(ref, url, timezone.now() + timedelta(hours=24))

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Check our own signature, with the same rules as a real provider's."""
        parts = dict(
            part.split("=", 1) for part in headers.get(HEADER, "").split(",") if "=" in part
        )
        stamp = parts.get("t", "")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > TOLERANCE:
            raise BadSignature("The signature is missing or too old.")
        if not hmac.compare_digest(_digest(body, stamp), parts.get("v1", "")):
            raise BadSignature("The signature does not fit.")

    def parse_event(self, body: bytes) -> Event:
        """Return what an event is about."""
        try:
            data = orjson.loads(body)
            about = tuple((Kind(kind), str(ref)) for kind, ref in data["about"])
            return Event(str(data["id"]), str(data["type"]), about)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError("not an event") from error

    def fetch(self, kind: Kind, ref: str) -> Snapshot:
        """Return an object from the books."""
        row = SandboxObject.objects.filter(kind=kind, ref=ref).first()
        if row is None:
            raise NotFound(ref)
        return _snapshot(row)

    def list_since(self, kind: Kind, since: datetime) -> Iterator[Snapshot]:
        """Return the objects made since then, newest first."""
        rows = SandboxObject.objects.filter(kind=kind, created_at__gte=since).order_by("-pk")
        return (_snapshot(row) for row in rows.iterator())

    def refund(self, refund: Refund) -> RefundSnapshot:
        """Pay back at once, as cards do."""
        payment = SandboxObject.objects.filter(kind=Kind.PAYMENT, ref=refund.payment.ref).first()
        if payment is None:
            raise NotFound(refund.payment.ref)
        if payment.data["state"] != "succeeded":
            raise ServiceError("refused", "Nothing was paid.")
        row, _ = SandboxObject.objects.get_or_create(
            ref=f"sbx_refund_{refund.uuid.hex}",
            defaults={
                "kind": Kind.REFUND,
                "data": {
                    "payment_ref": payment.ref,
                    "amount": refund.amount,
                    "currency": refund.payment.currency,
                    "state": "succeeded",
                    "refund_uuid": str(refund.uuid),
                    "reason": refund.reason,
                },
            },
        )
        snapshot = _snapshot(row)
        assert isinstance(snapshot, RefundSnapshot)
        return snapshot

    def cancel(self, kind: Kind, ref: str, *, at_period_end: bool = False) -> None:
        """Close a checkout or end a subscription; refuse for a checkout that was paid."""
        row = SandboxObject.objects.filter(kind=kind, ref=ref).first()
        if row is None:
            raise NotFound(ref)
        if kind == Kind.CHECKOUT and row.data["state"] == "complete":
            raise ServiceError("refused", "This checkout is complete.")
        if kind == Kind.CHECKOUT and row.data["state"] == "open":
            row.data["state"] = "expired"
        elif kind == Kind.SUBSCRIPTION and at_period_end:
            row.data["cancel_at_period_end"] = True
        elif kind == Kind.SUBSCRIPTION and row.data["state"] != "canceled":
            row.data |= {"state": "canceled", "ended_at": timezone.now().isoformat()}
        row.save(update_fields=["data"])


def signed(type_: str, about: list[tuple[Kind, str]]) -> tuple[bytes, dict[str, str]]:
    """Return a new event and the headers that sign it."""
    body = orjson.dumps({"id": f"sbx_event_{secrets.token_hex(12)}", "type": type_, "about": about})
    stamp = str(int(time.time()))
    return body, {HEADER: f"t={stamp},v1={_digest(body, stamp)}"}


def _digest(body: bytes, stamp: str) -> str:
    key = sha256(b"atelier sandbox" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, stamp.encode() + b"." + body, sha256).hexdigest()


def _snapshot(row: SandboxObject) -> Snapshot:
    shape = SHAPES[Kind(row.kind)]
    data = dict(row.data)
    if data.get("payment_ref") and shape in (CheckoutSnapshot, InvoiceSnapshot):
        payment = SandboxObject.objects.get(kind=Kind.PAYMENT, ref=data["payment_ref"])
        data["payment"] = _snapshot(payment)
    for name in TIMES:
        if isinstance(data.get(name), str):
            data[name] = parse_datetime(data[name])
    known: dict[str, Any] = {
        field.name: data[field.name] for field in fields(shape) if field.name in data
    }
    snapshot: Snapshot = shape(**{**known, "ref": row.ref})
    return snapshot
