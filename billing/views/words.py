"""What an order's page says in each state."""

from dataclasses import dataclass
from typing import Final

from billing.models import Order, OrderState, SubscriptionState


@dataclass(frozen=True)
class Said:
    """A state in plain words; `tone` as in _alert.html."""

    tone: str
    title: str
    text: str


WORDS: Final[dict[str, Said]] = {
    OrderState.DRAFT: Said("info", "Not paid yet", "Nothing was charged."),
    OrderState.OPEN: Said(
        "info",
        "Waiting for your payment",
        "As soon as the payment page says that you paid, it shows here.",
    ),
    OrderState.PROCESSING: Said(
        "info",
        "Your payment is on its way",
        "Some banks need a few days. We write to you when it is here; you need not keep this page.",
    ),
    OrderState.PAID: Said("success", "Paid. Thank you!", ""),
    OrderState.CONFLICT: Said(
        "warning",
        "Paid, but somebody else was first",
        "You get nothing for it, so we pay all of it back. You need not do anything.",
    ),
    OrderState.EXPIRED: Said(
        "warning", "Not paid in time", "The payment page has closed. Nothing was charged."
    ),
    OrderState.CANCELLED: Said("info", "Given up", "Nothing was charged."),
    OrderState.FAILED: Said(
        "error", "The payment did not go through", "Nothing was charged. You can try again."
    ),
    OrderState.PARTLY_REFUNDED: Said(
        "info", "Partly paid back", "A part of your payment went back to you."
    ),
    OrderState.REFUNDED: Said(
        "info", "Paid back", "Your payment went back to you. What it bought has ended."
    ),
    OrderState.CHARGED_BACK: Said(
        "warning",
        "Your bank took the payment back",
        "So what it bought has ended. If that was a mistake, write to us.",
    ),
}
TRIAL = Said("success", "Your free days have begun", "Nothing was charged.")
LEFT = Said("info", "You left before paying", "Nothing was charged.")


def words_for(order: Order, *, left: bool) -> Said:
    """Say where an order stands; `left`: the buyer came back from the payment page unpaid."""
    if left:
        return LEFT
    subscription = getattr(order, "subscription", None)
    if order.state == OrderState.PAID and subscription is not None:
        trial = subscription.state == SubscriptionState.TRIALING
        return TRIAL if trial else WORDS[order.state]
    return WORDS[order.state]
