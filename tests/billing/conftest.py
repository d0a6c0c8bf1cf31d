"""Orders and payments for the tests of money: bought through the real flows, with test payments."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Account
from billing.flows import catalogue, checkout, sandbox
from billing.models import Offer, Order


@pytest.fixture
def offers(db: None) -> dict[str, Offer]:
    """The starter offers by code."""
    catalogue.load_starter()
    return {offer.code: offer for offer in Offer.objects.published()}


Buy = Callable[..., Order]


@pytest.fixture
def place(account: Account, offers: dict[str, Offer]) -> Buy:
    """Place an order of the owner's account and open its payment page."""
    count = iter(range(1000))

    def do(code: str, **values: Any) -> Order:
        offers[code].refresh_from_db()
        order = checkout.place(
            offers[code],
            account=values.pop("account", account),
            buyer={"email": "owner@example.org", "country": "US"},
            idempotency_key=f"test-{next(count)}",
            **values,
        )
        checkout.start(order)
        return order

    return do


@pytest.fixture
def buy(place: Buy, django_capture_on_commit_callbacks: Any) -> Buy:
    """Buy an offer and pay for it with test payments."""

    def do(code: str, **values: Any) -> Order:
        order = place(code, **values)
        play(order, "pay", django_capture_on_commit_callbacks)
        return order

    return do


def play(order: Order, act: str, capture: Any) -> Order:
    """Play an act of the test payments, and all that it sets off."""
    assert order.checkout_ref
    with capture(execute=True):
        sandbox.play(order.checkout_ref, act)
    order.refresh_from_db()
    return order
