"""Test payments: what buyer, bank and provider could do, played at the press of a button.

Each act writes into the test provider's own books and sends a signed event through the inbox, so
the rest of the house sees no difference to a real provider. Development and tests only.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing import gateways
from billing.errors import BillingError
from billing.flows import inbox
from billing.gateways import sandbox
from billing.gateways.contract import Kind
from billing.models import SandboxObject

CODE = "sandbox"
DECLINED = "The bank declined the card. (This is a test.)"
LENGTHS = {"month": timedelta(days=30), "year": timedelta(days=365)}
About = list[tuple[Kind, str]]


def checkout_page(ref: str) -> SandboxObject:
    """Return a checkout of the test provider. Raises BillingError `not_found` (404)."""
    if CODE not in gateways.configured():
        raise BillingError("not_found", "There are no test payments here.", status=404)
    row = SandboxObject.objects.filter(kind=Kind.CHECKOUT, ref=ref).first()
    if row is None:
        raise BillingError("not_found", "There is no such test payment.", status=404)
    return row


def acts_for(checkout: SandboxObject) -> list[str]:
    """Return what can be played with a checkout as it stands, in the order of the page."""
    data = checkout.data
    if data["state"] == "open":
        later = [] if data["mode"] == "subscription" else ["pay_later"]
        return ["pay", "decline", *later, "expire"]
    subscription = _object(data.get("subscription_ref", ""))
    if subscription is not None:
        ended = subscription.data["state"] == "canceled"
        return (
            [] if ended else ["renew", "fail_renewal", "cancel", *_after_payment(_last(checkout))]
        )
    payment = _object(data.get("payment_ref", ""))
    if payment is not None and payment.data["state"] == "processing":
        return ["arrive", "bounce"]
    return _after_payment(payment)


def _after_payment(payment: SandboxObject | None) -> list[str]:
    if payment is None or payment.data["state"] != "succeeded" or not _left(payment):
        return []
    dispute = _object(f"{payment.ref}_dispute")
    if dispute is None:
        return ["refund", "dispute"]
    return ["lose_dispute", "win_dispute"] if dispute.data["state"] == "open" else []


def play(ref: str, act: str) -> None:
    """Play one act with a checkout. Raises BillingError `act_unknown` where it makes no sense now.

    The event it leads to is sent through the same door as a provider's.
    """
    with transaction.atomic():
        checkout = SandboxObject.objects.select_for_update().get(pk=checkout_page(ref).pk)
        if act not in acts_for(checkout):
            raise BillingError("act_unknown", "That is not possible at this point.")
        about = ACTS[act](checkout)
    body, headers = sandbox.signed(f"sandbox.{act}", about)
    inbox.receive(CODE, body, headers)


# --- The acts ----------------------------------------------------------------------------------
def _pay(checkout: SandboxObject) -> About:
    if checkout.data["mode"] == "subscription":
        return _subscribe(checkout)
    payment = _payment(checkout, "succeeded")
    _change(checkout, state="complete", payment_ref=payment.ref)
    return [(Kind.CHECKOUT, checkout.ref)]


def _decline(checkout: SandboxObject) -> About:
    payment = _payment(checkout, "failed", failure=DECLINED)
    _change(checkout, tries=checkout.data.get("tries", 0) + 1)
    return [(Kind.PAYMENT, payment.ref)]


def _pay_later(checkout: SandboxObject) -> About:
    payment = _payment(checkout, "processing")
    _change(checkout, state="complete", payment_ref=payment.ref)
    return [(Kind.CHECKOUT, checkout.ref)]


def _expire(checkout: SandboxObject) -> About:
    _change(checkout, state="expired")
    return [(Kind.CHECKOUT, checkout.ref)]


def _arrive(checkout: SandboxObject) -> About:
    _change(_need(checkout.data["payment_ref"]), state="succeeded", **_fee(checkout))
    return [(Kind.CHECKOUT, checkout.ref)]


def _bounce(checkout: SandboxObject) -> About:
    _change(_need(checkout.data["payment_ref"]), state="failed", failure=DECLINED)
    return [(Kind.CHECKOUT, checkout.ref)]


def _refund(checkout: SandboxObject) -> About:
    payment = _last(checkout)
    assert payment is not None
    row = SandboxObject.objects.create(
        kind=Kind.REFUND,
        ref=f"{payment.ref}_refund",
        data={
            "payment_ref": payment.ref,
            "amount": _left(payment),
            "currency": payment.data["currency"],
            "state": "succeeded",
            "reason": "Paid back on the test page.",
        },
    )
    return [(Kind.REFUND, row.ref)]


def _dispute(checkout: SandboxObject) -> About:
    payment = _last(checkout)
    assert payment is not None
    row = SandboxObject.objects.create(
        kind=Kind.DISPUTE,
        ref=f"{payment.ref}_dispute",
        data={
            "payment_ref": payment.ref,
            "amount": payment.data["amount"],
            "currency": payment.data["currency"],
            "state": "open",
            "reason": "fraudulent",
            "evidence_due": _text(timezone.now() + timedelta(days=7)),
        },
    )
    return [(Kind.DISPUTE, row.ref)]


def _lose_dispute(checkout: SandboxObject) -> About:
    return _decide(checkout, "lost")


def _win_dispute(checkout: SandboxObject) -> About:
    return _decide(checkout, "won")


def _decide(checkout: SandboxObject, state: str) -> About:
    payment = _last(checkout)
    assert payment is not None
    row = _need(f"{payment.ref}_dispute")
    _change(row, state=state)
    return [(Kind.DISPUTE, row.ref)]


def _subscribe(checkout: SandboxObject) -> About:
    data, now = checkout.data, timezone.now()
    trial = timedelta(days=data.get("trial_days") or 0)
    end = now + (trial or LENGTHS[data["interval"]])
    row = SandboxObject.objects.create(
        kind=Kind.SUBSCRIPTION,
        ref=checkout.ref.replace("checkout", "subscription"),
        data={
            "state": "trialing" if trial else "active",
            "price_ref": data["price_ref"],
            "order_uuid": data["order_uuid"],
            "customer_ref": data["customer_ref"],
            "interval": data["interval"],
            "amount": data["amount"],
            "tax": data["tax"],
            "currency": data["currency"],
            "period_start": _text(now),
            "period_end": _text(end),
            "trial_end": _text(end) if trial else None,
        },
    )
    _change(checkout, state="complete", subscription_ref=row.ref)
    _invoice(row, "create", free=bool(trial))
    return [(Kind.CHECKOUT, checkout.ref)]


def _renew(checkout: SandboxObject) -> About:
    row = _need(checkout.data["subscription_ref"])
    start = parse_datetime(row.data["period_end"]) or timezone.now()
    end = start + LENGTHS[row.data["interval"]]
    _change(row, state="active", period_start=_text(start), period_end=_text(end))
    failed = _object(row.data["latest_invoice_ref"])
    if failed is not None and failed.data["state"] == "open":
        payment = _need(failed.data["payment_ref"])
        _change(payment, state="succeeded", failure="")
        _change(failed, state="paid")
        return [(Kind.INVOICE, failed.ref)]
    invoice = _invoice(row, "cycle")
    return [(Kind.INVOICE, invoice.ref)]


def _fail_renewal(checkout: SandboxObject) -> About:
    row = _need(checkout.data["subscription_ref"])
    _change(row, state="past_due")
    invoice = _object(row.data["latest_invoice_ref"])
    if invoice is None or invoice.data["state"] != "open":
        invoice = _invoice(row, "cycle", failed=True)
    return [(Kind.INVOICE, invoice.ref), (Kind.SUBSCRIPTION, row.ref)]


def _cancel(checkout: SandboxObject) -> About:
    row = _need(checkout.data["subscription_ref"])
    _change(row, state="canceled", ended_at=_text(timezone.now()))
    return [(Kind.SUBSCRIPTION, row.ref)]


ACTS: dict[str, Callable[[SandboxObject], About]] = {
    "pay": _pay,
    "decline": _decline,
    "pay_later": _pay_later,
    "expire": _expire,
    "arrive": _arrive,
    "bounce": _bounce,
    "refund": _refund,
    "dispute": _dispute,
    "lose_dispute": _lose_dispute,
    "win_dispute": _win_dispute,
    "renew": _renew,
    "fail_renewal": _fail_renewal,
    "cancel": _cancel,
}


# --- The books ---------------------------------------------------------------------------------
def _object(ref: str) -> SandboxObject | None:
    return SandboxObject.objects.filter(ref=ref).first() if ref else None


def _need(ref: str) -> SandboxObject:
    return SandboxObject.objects.get(ref=ref)


def _change(row: SandboxObject, **fields: Any) -> None:
    row.data = {**row.data, **fields}
    row.save(update_fields=["data"])


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _fee(checkout: SandboxObject) -> dict[str, Any]:
    """Return a fee as card payments have it (2.9 % and 30 cents), so that margins look real."""
    amount, currency = checkout.data["amount"], checkout.data["currency"]
    return {"fee_micro": (amount * 29 // 1000 + 30) * 10_000, "fee_currency": currency}


def _payment(checkout: SandboxObject, state: str, *, failure: str = "") -> SandboxObject:
    tries = checkout.data.get("tries", 0)
    return SandboxObject.objects.create(
        kind=Kind.PAYMENT,
        ref=f"{checkout.ref.replace('checkout', 'payment')}_{tries}",
        data={
            "state": state,
            "amount": checkout.data["amount"],
            "currency": checkout.data["currency"],
            "order_uuid": checkout.data["order_uuid"],
            "failure": failure,
            **(_fee(checkout) if state == "succeeded" else {}),
        },
    )


def _invoice(
    subscription: SandboxObject, reason: str, *, free: bool = False, failed: bool = False
) -> SandboxObject:
    data = subscription.data
    number = SandboxObject.objects.filter(
        kind=Kind.INVOICE, data__subscription_ref=subscription.ref
    ).count()
    ref = f"{subscription.ref.replace('subscription', 'invoice')}_{number + 1}"
    payment_ref = ""
    if not free:
        payment_ref = ref.replace("invoice", "payment")
        SandboxObject.objects.create(
            kind=Kind.PAYMENT,
            ref=payment_ref,
            data={
                "state": "failed" if failed else "succeeded",
                "amount": data["amount"],
                "currency": data["currency"],
                "invoice_ref": ref,
                "failure": DECLINED if failed else "",
                **({} if failed else _fee(subscription)),
            },
        )
    row = SandboxObject.objects.create(
        kind=Kind.INVOICE,
        ref=ref,
        data={
            "state": "open" if failed else "paid",
            "subscription_ref": subscription.ref,
            "number": f"TEST-{subscription.pk:05}-{number + 1:04}",
            "reason": reason,
            "price_ref": data["price_ref"],
            "amount": 0 if free else data["amount"],
            "tax": 0 if free else data["tax"],
            "currency": data["currency"],
            "payment_ref": payment_ref,
            "period_start": data["period_start"],
            "period_end": data["period_end"],
            "attempted": True,
        },
    )
    _change(subscription, latest_invoice_ref=row.ref)
    return row


def _left(payment: SandboxObject) -> int:
    """Return what was not paid back yet, in minor units."""
    back = SandboxObject.objects.filter(kind=Kind.REFUND, data__payment_ref=payment.ref)
    left: int = payment.data["amount"] - sum(row.data["amount"] for row in back)
    return left


def _last(checkout: SandboxObject) -> SandboxObject | None:
    """Return the latest payment of a checkout: its own, or that of the latest invoice."""
    subscription = _object(checkout.data.get("subscription_ref", ""))
    if subscription is None:
        return _object(checkout.data.get("payment_ref", ""))
    invoice = _object(subscription.data.get("latest_invoice_ref", ""))
    return _object(invoice.data.get("payment_ref", "")) if invoice else None
