"""The messages of this area, one function each. All are rows in the caller's transaction."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.flows import mail
from billing.models import Invoice, KeyPlan, Order, Payment, Refund, Subscription

LAST_REMINDER = 4  # says that the plan has ended


def receipt(payment: Payment, invoice: Invoice) -> None:
    """Thank for a payment, with its invoice."""
    _to_buyer(
        payment.order,
        "receipt",
        key=f"receipt:{payment.pk}",
        payment=payment,
        invoice=invoice,
        subscription=payment.subscription,
    )


def refunded(refund: Refund, note: Invoice) -> None:
    """Tell that money is on its way back."""
    _to_buyer(
        refund.payment.order,
        "refunded",
        key=f"refunded:{refund.pk}",
        refund=refund,
        invoice=note,
    )


def payment_failed(order: Order, reason: str) -> None:
    """Tell that a payment did not go through, and that nothing was charged."""
    _to_buyer(order, "payment_failed", key=f"failed:{order.uuid}:{order.attempt}", reason=reason)


def renewal_failed(subscription: Subscription, number: int) -> None:
    """Tell that a renewal failed: mail 1 at once, 2 and 3 later, 4 says that the plan has ended."""
    _to_buyer(
        subscription.order,
        "renewal_ended" if number == LAST_REMINDER else "renewal_failed",
        key=f"overdue:{subscription.pk}:{subscription.overdue_since:%Y%m%d%H%M%S}:{number}",
        subscription=subscription,
        number=number,
        url=settings.PUBLIC_BASE_URL + reverse("billing:plans"),
    )


def key_ready(plan: KeyPlan, url: str, *, dedupe_key: str | None = None) -> None:
    """Send the link that shows a paid key once."""
    mail.send(
        "billing/email/key_ready",
        to=plan.email,
        account=plan.account,
        dedupe_key=dedupe_key,
        carries_secret=True,
        context={"plan": plan, "url": url, "email": plan.email},
    )


def _to_buyer(order: Order, template: str, *, key: str, **context: Any) -> None:
    """Write to the buyer's address, once per `key`; nobody where we were given none."""
    to = str(order.buyer.get("email", ""))
    if not to:
        return
    page = settings.PUBLIC_BASE_URL + reverse("billing:order", args=[order.uuid])
    mail.send(
        f"billing/email/{template}",
        to=to,
        account=order.account,
        dedupe_key=key,
        context={"order": order, "url": f"{page}?key={order.look_key}", **context},
    )
