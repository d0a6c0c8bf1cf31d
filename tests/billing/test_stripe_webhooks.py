"""Stripe's webhooks: whom we believe, and what an event makes us ask for."""

import json
import time
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from stripe import WebhookSignature

from billing.gateways.contract import BadSignature, Kind
from billing.gateways.stripe import Stripe

BODY = json.dumps({"object": "event", "id": "evt_1", "type": "invoice.paid"}).encode()
NEW, OLD = "whsec_new", "whsec_old"


@pytest.fixture(autouse=True)
def secrets(settings: Settings) -> None:
    """Two secrets, as while rotating."""
    settings.STRIPE_WEBHOOK_SECRETS = [NEW, OLD]


def signed(secret: str = NEW, *, age: int = 0, body: bytes = BODY) -> dict[str, str]:
    """Return the header of a signature that is `age` seconds old."""
    at = int(time.time()) - age
    header = WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return {"Stripe-Signature": header}


@pytest.mark.parametrize(
    ("secret", "age"),
    [(NEW, 0), (OLD, 0), (NEW, 295), (NEW, -295)],
    ids=["new secret", "old secret", "nearly too old", "slightly ahead"],
)
def test_what_stripe_signed_just_now_is_believed(secret: str, age: int) -> None:
    Stripe().verify(BODY, signed(secret, age=age))


def test_the_name_of_the_header_may_be_in_any_case() -> None:
    Stripe().verify(BODY, {"stripe-signature": signed()["Stripe-Signature"]})


@pytest.mark.parametrize(
    ("secret", "age"),
    [("whsec_other", 0), (NEW, 302), (NEW, -400)],
    ids=["other secret", "old", "future"],
)
def test_another_secret_or_time_is_not_believed(secret: str, age: int) -> None:
    with pytest.raises(BadSignature):
        Stripe().verify(BODY, signed(secret, age=age))


@pytest.mark.parametrize(
    "header",
    ["", "t=abc,v1=00", "t=NOW", "t=NOW,v1=\u00e9", "t=NOW,v1=", "v1=00", ",,=,", "t=NOW,v0=GOOD"],
)
def test_a_broken_header_is_not_believed(header: str) -> None:
    good = signed()["Stripe-Signature"].rpartition("=")[2]
    text = header.replace("NOW", str(int(time.time()))).replace("GOOD", good)
    with pytest.raises(BadSignature):
        Stripe().verify(BODY, {"Stripe-Signature": text})


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], b"", b"\xff\xfe"])
def test_other_bytes_than_those_signed_are_not_believed(body: bytes) -> None:
    with pytest.raises(BadSignature):
        Stripe().verify(body, signed())


def test_no_header_is_no_signature() -> None:
    with pytest.raises(BadSignature):
        Stripe().verify(BODY, {})


def test_without_a_secret_nothing_is_believed(settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = []
    with pytest.raises(BadSignature):
        Stripe().verify(BODY, signed(""))


def event(kind: str, thing: Any) -> bytes:
    """Return the body of an event."""
    data = {"object": "event", "id": "evt_1", "type": kind, "data": {"object": thing}}
    return json.dumps(data).encode()


SUBSCRIBED = {"subscription_details": {"subscription": "sub_1"}}


@pytest.mark.parametrize(
    ("kind", "thing", "about"),
    [
        ("checkout.session.completed", {"id": "cs_1"}, [(Kind.CHECKOUT, "cs_1")]),
        ("checkout.session.expired", {"id": "cs_1"}, [(Kind.CHECKOUT, "cs_1")]),
        (
            "invoice.paid",
            {"id": "in_1", "parent": SUBSCRIBED},
            [(Kind.INVOICE, "in_1"), (Kind.SUBSCRIPTION, "sub_1")],
        ),
        (
            "invoice.payment_failed",
            {"id": "in_1", "subscription": {"id": "sub_1"}},
            [(Kind.INVOICE, "in_1"), (Kind.SUBSCRIPTION, "sub_1")],
        ),
        ("invoice.paid", {"id": "in_1", "parent": None}, [(Kind.INVOICE, "in_1")]),
        ("invoice.upcoming", {"parent": SUBSCRIBED}, []),
        ("invoice_payment.paid", {"id": "inpay_1", "invoice": "in_1"}, [(Kind.INVOICE, "in_1")]),
        ("customer.subscription.deleted", {"id": "sub_1"}, [(Kind.SUBSCRIPTION, "sub_1")]),
        ("payment_intent.succeeded", {"id": "pi_1"}, [(Kind.PAYMENT, "pi_1")]),
        ("charge.updated", {"id": "ch_1", "payment_intent": "pi_1"}, [(Kind.PAYMENT, "pi_1")]),
        (
            "charge.refunded",
            {"id": "ch_1", "payment_intent": "pi_1", "refunds": {"data": [{"id": "re_1"}]}},
            [(Kind.PAYMENT, "pi_1"), (Kind.REFUND, "re_1")],
        ),
        ("charge.refunded", {"id": "ch_1", "payment_intent": None, "refunds": None}, []),
        ("charge.refund.updated", {"id": "re_1"}, [(Kind.REFUND, "re_1")]),
        ("refund.failed", {"id": "re_1"}, [(Kind.REFUND, "re_1")]),
        ("charge.dispute.created", {"id": "du_1"}, [(Kind.DISPUTE, "du_1")]),
        ("price.updated", {"id": "price_1"}, []),
        ("product.created", {"id": "prod_1"}, []),
        ("customer.updated", {"id": "cus_1"}, []),
        ("something.new", {"id": "x_1"}, []),
        ("refund.created", {"id": "../v1/account"}, []),
        ("refund.created", {"id": 5}, []),
        ("refund.created", None, []),
    ],
)
def test_an_event_says_what_to_ask_for(
    kind: str, thing: Any, about: list[tuple[Kind, str]]
) -> None:
    parsed = Stripe().parse_event(event(kind, thing))
    assert (parsed.id, parsed.type, list(parsed.about)) == ("evt_1", kind, about)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'"event"',
        b"\xff",
        b"[" * 100_000,
        b'{"object": "v2.core.event", "id": "evt_1", "type": "x"}',
        b'{"object": "event", "type": "x"}',
        b'{"object": "event", "id": "evt_1"}',
        b'{"object": "event", "id": "evt_\\u0000", "type": "x"}',
        b'{"object": "event", "id": 5, "type": "x"}',
        b'{"object": "event", "id": "evt_1", "type": "Robert\'); DROP"}',
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the contract says no more
        Stripe().parse_event(body)
