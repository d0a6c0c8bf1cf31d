"""The messages of this area, one function each. All are rows in the caller's transaction."""

from django.conf import settings
from django.urls import reverse

from accounts.flows import mail
from billing.models import Invoice, KeyPlan, Order, Payment, Refund, Subscription


def _page(order: Order) -> str:
    return settings.PUBLIC_BASE_URL + reverse("billing:order", args=[order.uuid])


def _to(order: Order) -> str:
    """Return where to write: the buyer's address; empty where we were given none."""
    return str(order.buyer.get("email", ""))


def receipt(payment: Payment, invoice: Invoice) -> None:
    """Thank for a payment, with its invoice."""
    order = payment.order
    if not _to(order):
        return
    mail.send(
        "billing/email/receipt",
        to=_to(order),
        account=order.account,
        dedupe_key=f"receipt:{payment.pk}",
        context={
            "order": order,
            "payment": payment,
            "invoice": invoice,
            "subscription": payment.subscription,
            "url": _page(order),
        },
    )


def refunded(refund: Refund, note: Invoice) -> None:
    """Tell that money is on its way back."""
    order = refund.payment.order
    if not _to(order):
        return
    mail.send(
        "billing/email/refunded",
        to=_to(order),
        account=order.account,
        dedupe_key=f"refunded:{refund.pk}",
        context={"order": order, "refund": refund, "invoice": note, "url": _page(order)},
    )


def payment_failed(order: Order, reason: str) -> None:
    """Tell that a payment did not go through, and that nothing was charged."""
    if not _to(order):
        return
    mail.send(
        "billing/email/payment_failed",
        to=_to(order),
        account=order.account,
        dedupe_key=f"failed:{order.uuid}:{order.attempt}",
        context={"order": order, "reason": reason, "url": _page(order)},
    )


def renewal_failed(subscription: Subscription, number: int) -> None:
    """Tell that a renewal failed: mail 1 at once, 2 and 3 later, 4 says that the plan has ended."""
    order = subscription.order
    if not _to(order):
        return
    since = subscription.overdue_since
    mail.send(
        "billing/email/renewal_ended" if number == 4 else "billing/email/renewal_failed",
        to=_to(order),
        account=subscription.account,
        dedupe_key=f"overdue:{subscription.pk}:{since:%Y%m%d%H%M%S}:{number}",
        context={
            "subscription": subscription,
            "number": number,
            "url": settings.PUBLIC_BASE_URL + reverse("billing:plans"),
        },
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
