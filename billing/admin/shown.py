"""How money, states and links are written on staff pages."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import Account
from billing.models import Order

# What a state means for whoever looks at a list.
TONES = {
    "good": {"succeeded", "paid", "active", "trialing", "won", "repaired", "captured"},
    "bad": {"failed", "conflict", "lost", "charged_back", "unpaid", "past_due", "unsure"},
    "warn": {"open", "processing", "queued", "running", "requested", "pending", "under_review"},
}
SECRETS = ("secret", "password", "token")


def tone_of(state: str) -> str:
    """Return good, bad, warn or nothing."""
    return next((tone for tone, states in TONES.items() if state in states), "plain")


def badge(text: str, tone: str) -> SafeString:
    """Write a state in its colour."""
    return format_html('<span class="state state--{}">{}</span>', tone, text)


def link(url: str, text: Any) -> SafeString:
    """Write a link."""
    return format_html('<a href="{}">{}</a>', url, text)


def row_link(row: Model | None, text: Any = None) -> SafeString | str:
    """Link to the page of a row."""
    if row is None:
        return "–"
    meta = row._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return link(address, row if text is None else text)


def customer_link(account: Account | None) -> SafeString | str:
    """Link to the customer page of an account."""
    if account is None:
        return "–"
    return link(reverse("admin:customer", args=[account.pk]), account)


def pretty(data: Any) -> SafeString:
    """Write JSON for reading, without what opens a door."""
    text = json.dumps(_masked(data), indent=2, ensure_ascii=False, default=str)
    return format_html('<pre class="json" tabindex="0">{}</pre>', text)


def _masked(data: Any) -> Any:
    if isinstance(data, dict):
        return {
            name: "…" if _opens(name, value) else _masked(value) for name, value in data.items()
        }
    return [_masked(item) for item in data] if isinstance(data, list) else data


def _opens(name: str, value: Any) -> bool:
    return isinstance(value, str) and any(word in str(name).lower() for word in SECRETS)


def moment(at: datetime | None) -> str:
    """Write a time short enough for a table."""
    return "–" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def state_of(row: Any) -> SafeString:
    """Write the state of a row in its colour."""
    return badge(row.get_state_display(), tone_of(row.state))


def micro(amount: int, currency: str) -> str:
    """Write millionths of a currency with the cents, and with more digits where there are few."""
    places = 2 if not amount or abs(amount) >= 10_000 else 6
    sign = "−" if amount < 0 else ""
    return f"{sign}{abs(amount) / 1e6:,.{places}f} {currency}"


# --- Links to others -----------------------------------------------------------------------------
STRIPE = "https://dashboard.stripe.com/"
PLACES = {
    "payment": "payments",
    "subscription": "subscriptions",
    "invoice": "invoices",
    "customer": "customers",
    "dispute": "disputes",
    "refund": "refunds",
    "event": "events",
}


def at_provider(gateway: str, kind: str, ref: str | None) -> SafeString | str:
    """Link to the provider's own page about something; just its id where there is none."""
    if not ref or gateway != "stripe":
        return ref or "–"
    test = "" if settings.STRIPE_LIVE_MODE else "test/"
    return format_html(
        '<a href="{}{}{}/{}" rel="noreferrer" target="_blank">{}</a>',
        STRIPE,
        test,
        PLACES[kind],
        ref,
        ref,
    )


def test_page(order: Order) -> SafeString | str:
    """Link to the page on which a test payment is played; nothing for real money."""
    if order.gateway != "sandbox" or not order.checkout_ref:
        return "–"
    try:
        address = reverse("billing:test-payment", args=[order.checkout_ref])
    except NoReverseMatch:  # in production there is none
        return "–"
    return link(address, "Play with this test payment")
