"""Stripe's objects as snapshots. Plain dictionaries in, as the API's version of the settings has.

Since 2025-03-31.basil a subscription's period stands on its items, an invoice names its
subscription under `parent` and its payments in a list of their own, and a payment intent does not
name its invoice.
"""

from datetime import UTC, datetime
from typing import Any, Final

from billing.gateways.contract import (
    CheckoutSnapshot,
    DisputeSnapshot,
    InvoiceSnapshot,
    PaymentSnapshot,
    RefundSnapshot,
    SubscriptionSnapshot,
)

Data = dict[str, Any]

# Currencies without a hundredth, and those with a thousandth (docs.stripe.com/currencies). UGX and
# ISK have no hundredth either, but Stripe takes their amounts with two digits.
ZERO_DECIMAL: Final = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA")
    + ("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
THREE_DECIMAL: Final = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))

PAYMENT_STATES: Final = {
    "succeeded": "succeeded",
    "processing": "processing",
    "requires_capture": "processing",
    "canceled": "failed",
}
REFUND_STATES: Final = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
DISPUTE_STATES: Final = {
    "warning_needs_response": "open",
    "needs_response": "open",
    "warning_under_review": "under_review",
    "under_review": "under_review",
    "warning_closed": "won",  # an inquiry that never became a dispute
    "prevented": "won",
    "won": "won",
    "lost": "lost",
}
REASONS: Final = {
    "subscription_create": "create",
    "subscription_cycle": "cycle",
    "subscription_update": "update",
}


def moment(seconds: int | None) -> datetime | None:
    """Return a time of Stripe's, aware."""
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def ident(value: Any) -> str:
    """Return the id of a field that may be expanded, an id only, or empty."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def micro(amount: int, currency: str) -> int:
    """Return minor units as millionths of the currency."""
    if currency.upper() in ZERO_DECIMAL:
        return amount * 1_000_000
    return amount * (1_000 if currency.upper() in THREE_DECIMAL else 10_000)


def payment(data: Data, *, invoice_ref: str = "", order_uuid: str = "") -> PaymentSnapshot:
    """Read a payment intent; a charge that is expanded brings what it cost us."""
    error = data.get("last_payment_error") or {}
    state = PAYMENT_STATES.get(data["status"], "failed" if error else "created")
    charge = data.get("latest_charge")
    booked = charge.get("balance_transaction") if isinstance(charge, dict) else None
    fee = booked if isinstance(booked, dict) else None
    return PaymentSnapshot(
        ref=data["id"],
        state=state,
        amount=data["amount_received"] if state == "succeeded" else data["amount"],
        currency=data["currency"].upper(),
        order_uuid=data["metadata"].get("order", "") or order_uuid,
        invoice_ref=invoice_ref,
        failure=(error.get("message") or "")[:300] if state == "failed" else "",
        fee_micro=micro(fee["fee"], fee["currency"]) if fee else None,
        fee_currency=fee["currency"].upper() if fee else "",
    )


def checkout(data: Data) -> CheckoutSnapshot:
    """Read a Checkout session with its payment intent expanded."""
    order_uuid = data["metadata"].get("order", "") or data.get("client_reference_id") or ""
    intent = data.get("payment_intent")
    person = data.get("customer_details") or {}
    address = person.get("address") or {}
    city = " ".join(filter(None, (address.get("postal_code"), address.get("city"))))
    lines = (address.get("line1"), address.get("line2"), city, address.get("state"))
    return CheckoutSnapshot(
        ref=data["id"],
        state=data["status"],
        order_uuid=order_uuid,
        payment=payment(intent, order_uuid=order_uuid) if isinstance(intent, dict) else None,
        subscription_ref=ident(data.get("subscription")),
        customer_ref=ident(data.get("customer")),
        email=person.get("email") or "",
        name=person.get("name") or "",
        address=tuple(filter(None, lines)),
        country=address.get("country") or "",
        amount=data.get("amount_total") or 0,
        tax=(data.get("total_details") or {}).get("amount_tax") or 0,
        currency=(data.get("currency") or "").upper(),
    )


def subscription(data: Data) -> SubscriptionSnapshot:
    """Read a subscription. Ours have one item."""
    item = data["items"]["data"][0]
    ends = data.get("cancel_at")
    # Stripe's portal may set the date instead of the flag.
    stops = data["cancel_at_period_end"] or (ends and ends <= item["current_period_end"])
    return SubscriptionSnapshot(
        ref=data["id"],
        state=data["status"],
        price_ref=ident(item["price"]),
        order_uuid=data["metadata"].get("order", ""),
        period_start=moment(item["current_period_start"]),
        period_end=moment(item["current_period_end"]),
        trial_end=moment(data.get("trial_end")),
        cancel_at_period_end=bool(stops),
        ended_at=moment(data.get("ended_at")),
        customer_ref=ident(data["customer"]),
        latest_invoice_ref=ident(data.get("latest_invoice")),
    )


def invoice(data: Data, *, intent: Data | None = None) -> InvoiceSnapshot:
    """Read an invoice with its payments. `intent` is the payment intent where it was fetched."""
    parent = (data.get("parent") or {}).get("subscription_details") or {}
    order_uuid = (parent.get("metadata") or {}).get("order", "")
    line = _plan_line(data["lines"]["data"]) or {}
    pricing = (line.get("pricing") or {}).get("price_details") or {}
    paid = data["status"] == "paid"
    return InvoiceSnapshot(
        ref=data["id"],
        state=data["status"],
        subscription_ref=ident(parent.get("subscription")),
        number=data.get("number") or "",
        reason=REASONS.get(data.get("billing_reason") or "", "other"),
        price_ref=ident(pricing.get("price")),
        amount=data["amount_paid"] if paid else data["amount_due"],
        tax=sum(tax["amount"] for tax in data.get("total_taxes") or ()),
        currency=data["currency"].upper(),
        payment=_invoice_payment(data, intent, order_uuid),
        period_start=moment((line.get("period") or {}).get("start")),
        period_end=moment((line.get("period") or {}).get("end")),
        attempted=data["attempted"],
        url=data.get("hosted_invoice_url") or "",
    )


def intent_of(data: Data) -> str:
    """Return the payment intent that paid an invoice, or that was tried last; empty: none."""
    return ident(_paying(data).get("payment", {}).get("payment_intent"))


def _paying(data: Data) -> Data:
    payments: list[Data] = (data.get("payments") or {}).get("data") or []
    paid = [one for one in payments if one["status"] == "paid"]
    # Stripe lists the newest first.
    return (paid or payments or [{}])[0]


def _invoice_payment(data: Data, intent: Data | None, order_uuid: str) -> PaymentSnapshot | None:
    if intent is not None:
        return payment(intent, invoice_ref=data["id"], order_uuid=order_uuid)
    found = _paying(data)
    ref = ident(found.get("payment", {}).get("payment_intent"))
    if not ref:
        return None
    paid = found["status"] == "paid"
    tried = "failed" if data["attempted"] else "created"
    return PaymentSnapshot(
        ref=ref,
        state="succeeded" if paid else tried,
        amount=found["amount_paid"] if paid else found["amount_requested"],
        currency=found["currency"].upper(),
        order_uuid=order_uuid,
        invoice_ref=data["id"],
    )


def _plan_line(lines: list[Data]) -> Data | None:
    """Return the line of the plan itself, or of the plan that was changed to.

    A change brings two prorations: what is given back for the old plan, what the new one costs.
    """
    prorations = []
    for line in lines:
        details = (line.get("parent") or {}).get("subscription_item_details")
        if details and not details.get("proration"):
            return line
        if details and line["amount"] > 0:
            prorations.append(line)
    return max(prorations, key=lambda line: int(line["amount"]), default=None)


def refund(data: Data) -> RefundSnapshot:
    """Read a refund."""
    return RefundSnapshot(
        ref=data["id"],
        payment_ref=ident(data.get("payment_intent")),
        amount=data["amount"],
        currency=data["currency"].upper(),
        state=REFUND_STATES.get(data.get("status") or "", "pending"),
        refund_uuid=(data.get("metadata") or {}).get("refund", ""),
        reason=data.get("failure_reason") or data.get("reason") or "",
    )


def dispute(data: Data) -> DisputeSnapshot:
    """Read a dispute."""
    return DisputeSnapshot(
        ref=data["id"],
        payment_ref=ident(data.get("payment_intent")),
        amount=data["amount"],
        currency=data["currency"].upper(),
        state=DISPUTE_STATES.get(data["status"], "open"),
        reason=data["reason"],
        evidence_due=moment((data.get("evidence_details") or {}).get("due_by")),
    )
