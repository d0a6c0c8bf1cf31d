"""Stripe behind the contract: hosted Checkout, so that no card number ever comes near us."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

import stripe
from django.utils import timezone

from billing.gateways.contract import (
    Event,
    InvoiceSnapshot,
    Kind,
    NotFound,
    PaymentSnapshot,
    RefundSnapshot,
    Snapshot,
    Started,
)
from billing.gateways.stripe import checkout, events, read
from billing.gateways.stripe.connection import asking, client
from billing.models import Order, Price, Refund
from common.http import ServiceError

KEY_LASTS: Final = timedelta(hours=20)  # Stripe says: at least 24
FEE: Final = "latest_charge.balance_transaction"
# What one call must bring along. Stripe goes four names deep and no deeper.
EXPAND: Final[dict[Kind, list[str]]] = {
    Kind.CHECKOUT: [f"payment_intent.{FEE}"],
    Kind.PAYMENT: [FEE],
    Kind.SUBSCRIPTION: [],
    Kind.INVOICE: ["payments"],
    Kind.REFUND: [],
    Kind.DISPUTE: [],
}


class Stripe:
    """Stripe behind the contract."""

    code = checkout.CODE
    name = "Stripe"

    def create(self, order: Order, *, success_url: str, cancel_url: str) -> Started:
        """Make a hosted checkout for an order, for `order.attempt` just once.

        Stripe keeps answers by key for a day, a 500 included: after one, raise `order.attempt`.
        """
        return checkout.start(order, success_url=success_url, cancel_url=cancel_url)

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Raise BadSignature unless Stripe signed exactly these bytes within five minutes."""
        events.verify(body, headers)

    def parse_event(self, body: bytes) -> Event:
        """Return what a verified event is about. Raises ValueError for a body that is no event."""
        return events.parse(body)

    def fetch(self, kind: Kind, ref: str) -> Snapshot:
        """Return an object as it stands now. Raises NotFound, ServiceError."""
        data = self._retrieve(kind, ref)
        if kind == Kind.INVOICE:
            return self._invoice(data)
        if kind == Kind.PAYMENT:
            return self._payment(data)
        return _snapshot(kind, data)

    def list_since(self, kind: Kind, since: datetime) -> Iterator[Snapshot]:
        """Return the objects made since then, newest first. Not for CHECKOUT.

        Invoices come without the fee of their payment: that is one name too deep for Stripe.
        """
        start = int(since.timestamp())
        invoices = {}
        if kind == Kind.PAYMENT:
            # From a little earlier: an invoice may be older than what pays it.
            invoices = self._invoices_by_payment({"created": {"gte": start - 86_400}})
        for data in self._pages(kind, {"created": {"gte": start}}):
            if kind == Kind.PAYMENT:
                yield read.payment(data, **invoices.get(data["id"], {}))
            else:
                yield _snapshot(kind, data)

    def refund(self, refund: Refund) -> RefundSnapshot:
        """Pay back a part or all of a payment, once per `refund.uuid`. Raises ServiceError."""
        # Stripe forgets a key after a day; a request that staff repeats later finds the first one.
        if timezone.now() - refund.created_at > KEY_LASTS and (made := self._refund_made(refund)):
            return made
        params = {
            "payment_intent": refund.payment.ref,
            "amount": refund.amount,
            "metadata": {"refund": str(refund.uuid)},
        }
        key = {"idempotency_key": f"refund:{refund.uuid}"}
        try:
            with asking():
                row = client().v1.refunds.create(cast(Any, params), cast(Any, key))
        except ServiceError as error:
            # Under our key Stripe repeats a 500 for a day, also when the refund was made; and a
            # "no" gives the amount free for another refund, so it must be sure.
            doubtful = error.kind == "refused" or error.status >= 500
            if doubtful and (made := self._refund_made(refund)):
                return made
            raise
        return read.refund(row.to_dict())

    def cancel(self, kind: Kind, ref: str, *, at_period_end: bool = False) -> None:
        """Close an open checkout, or end a subscription. Ended already is fine.

        Raises NotFound, ServiceError; `refused` for a checkout that was paid meanwhile.
        """
        if kind not in (Kind.CHECKOUT, Kind.SUBSCRIPTION):
            raise ValueError(f"A {kind} can't be cancelled.")
        try:
            with asking():
                self._cancel(kind, ref, at_period_end=at_period_end)
        except (ServiceError, NotFound) as error:
            if isinstance(error, ServiceError) and error.kind != "refused":
                raise
            # Stripe refuses to end what has ended, and does not find a subscription it ended.
            if self._retrieve(kind, ref)["status"] not in ("expired", "canceled"):
                raise

    def portal_url(self, customer_ref: str, return_url: str) -> str:
        """Return the page where a customer changes cards and plans. Raises ServiceError."""
        params = {"customer": customer_ref, "return_url": return_url}
        with asking():
            return client().v1.billing_portal.sessions.create(cast(Any, params)).url

    def ensure_price(self, price: Price) -> str:
        """Return Stripe's id of a price, made where Stripe has none. Raises ServiceError."""
        return checkout.ensure_price(price)

    def _cancel(self, kind: Kind, ref: str, *, at_period_end: bool) -> None:
        if kind == Kind.CHECKOUT:
            client().v1.checkout.sessions.expire(ref)
        elif at_period_end:
            client().v1.subscriptions.update(ref, {"cancel_at_period_end": True})
        else:
            client().v1.subscriptions.cancel(ref)

    def _retrieve(self, kind: Kind, ref: str) -> dict[str, Any]:
        if not ref:
            raise NotFound(f"A {kind} without an id.")
        with asking():
            params = {"expand": EXPAND[kind]} if EXPAND[kind] else {}
            found: stripe.StripeObject = _service(kind).retrieve(ref, cast(Any, params))
        return found.to_dict()

    def _invoice(self, data: dict[str, Any]) -> InvoiceSnapshot:
        """Read an invoice and, by a second call, the state, failure and fee of its payment."""
        if not (ref := read.intent_of(data)):
            return read.invoice(data)
        return read.invoice(data, intent=self._retrieve(Kind.PAYMENT, ref))

    def _payment(self, data: dict[str, Any]) -> PaymentSnapshot:
        """Read a payment; one without an order's mark may be an invoice's, which we look up."""
        if data["metadata"].get("order"):
            return read.payment(data)
        about = {"payment": {"type": "payment_intent", "payment_intent": data["id"]}}
        return read.payment(data, **self._invoices_by_payment(about).get(data["id"], {}))

    def _invoices_by_payment(self, params: dict[str, Any]) -> dict[str, dict[str, str]]:
        """Return invoice and order by payment intent: the intent itself names neither."""
        listed = params | {"expand": ["data.invoice"], "limit": 100}
        found = {}
        with asking():
            page = client().v1.invoice_payments.list(cast(Any, listed))
            for row in page.auto_paging_iter():
                data = row.to_dict()
                parent = data["invoice"].get("parent") or {}
                marks = (parent.get("subscription_details") or {}).get("metadata") or {}
                found[read.ident(data["payment"].get("payment_intent"))] = {
                    "invoice_ref": data["invoice"]["id"],
                    "order_uuid": marks.get("order", ""),
                }
        return found

    def _pages(self, kind: Kind, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if kind == Kind.CHECKOUT:
            raise ValueError("Checkouts are not listed; their payments and subscriptions are.")
        listed = params | {"limit": 100}
        if EXPAND[kind]:
            listed["expand"] = [f"data.{path}" for path in EXPAND[kind]]
        if kind == Kind.SUBSCRIPTION:
            listed["status"] = "all"  # Stripe leaves out the ended ones otherwise
        with asking():
            for row in _service(kind).list(cast(Any, listed)).auto_paging_iter():
                yield row.to_dict()

    def _refund_made(self, refund: Refund) -> RefundSnapshot | None:
        with asking():
            about = {"payment_intent": refund.payment.ref, "limit": 100}
            for row in client().v1.refunds.list(cast(Any, about)).auto_paging_iter():
                found = read.refund(row.to_dict())
                if found.refund_uuid == str(refund.uuid):
                    return found
        return None


def _service(kind: Kind) -> Any:
    v1 = client().v1
    return {
        Kind.CHECKOUT: v1.checkout.sessions,
        Kind.PAYMENT: v1.payment_intents,
        Kind.SUBSCRIPTION: v1.subscriptions,
        Kind.INVOICE: v1.invoices,
        Kind.REFUND: v1.refunds,
        Kind.DISPUTE: v1.disputes,
    }[kind]


def _snapshot(kind: Kind, data: dict[str, Any]) -> Snapshot:
    readers: dict[Kind, Any] = {
        Kind.CHECKOUT: read.checkout,
        Kind.PAYMENT: read.payment,
        Kind.SUBSCRIPTION: read.subscription,
        Kind.INVOICE: read.invoice,
        Kind.REFUND: read.refund,
        Kind.DISPUTE: read.dispute,
    }
    snapshot: Snapshot = readers[kind](data)
    return snapshot
