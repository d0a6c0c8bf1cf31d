"""Stripe on loopback: strict about requests, exact in answers, and a world to make things happen.

`with_stripe` is the fixture; `python -m tests.fakes.stripe` is the same as a process of its own.
"""

from collections.abc import Iterator

import pytest
import stripe
from pytest_django.fixtures import Settings

from tests.fakes.stripe.world import SECRET, World

__all__ = ["SECRET", "World", "with_stripe"]


@pytest.fixture
def with_stripe(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A fresh Stripe that the settings point to."""
    world = World().start()
    settings.STRIPE_API_KEY = world.key
    settings.STRIPE_API_URL = world.base
    settings.STRIPE_WEBHOOK_SECRETS = [world.secret]
    settings.STRIPE_TAX = False
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)  # between the SDK's own tries
    yield world
    world.stop()
    # What the fake itself got wrong is no finding about us.
    assert not world.server.troubles, world.server.troubles
