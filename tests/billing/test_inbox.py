"""Events: only signed ones are stored, each once, and each is worked on until it is done."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from billing.errors import BillingError
from billing.flows import events, inbox
from billing.gateways import sandbox
from billing.gateways.contract import BadSignature, Kind
from billing.models import InboxEvent, Payment
from common.errors import UserError
from common.http import ServiceError
from common.jobs import JobState
from tests.billing.conftest import Buy

pytestmark = pytest.mark.django_db


def event(ref: str = "sbx_checkout_none") -> tuple[bytes, dict[str, str]]:
    return sandbox.signed("sandbox.pay", [(Kind.CHECKOUT, ref)])


def test_a_signed_event_is_stored_once_however_often_it_comes() -> None:
    body, headers = event()
    assert inbox.receive("sandbox", body, headers) is True
    for _ in range(5):
        inbox.receive("sandbox", body, headers)
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize("fault", ["no header", "other body", "other key", "old", "future"])
def test_an_event_that_is_not_well_signed_leaves_no_row(fault: str) -> None:
    import time_machine

    body, headers = event()
    stamp = headers[sandbox.HEADER].split(",")[0]
    wrong = {
        "no header": (body, {}),
        "other body": (body + b" ", headers),
        "other key": (body, {sandbox.HEADER: f"{stamp},v1={'0' * 64}"}),
        "old": (body, headers),
        "future": (body, headers),
    }[fault]
    shift = {"old": 301, "future": -301}.get(fault, 0)
    with time_machine.travel(sandbox.time.time() + shift, tick=False), pytest.raises(BadSignature):
        inbox.receive("sandbox", *wrong)
    assert InboxEvent.objects.count() == 0


def test_what_is_too_large_is_refused_before_anything_is_stored(settings: Any) -> None:
    with pytest.raises(UserError, match="too large"):
        inbox.receive("sandbox", b"x" * (settings.WEBHOOK_BODY_LIMIT + 1), {})
    assert InboxEvent.objects.count() == 0


def test_a_signed_body_that_is_no_event_is_refused() -> None:
    import time

    body, stamp = b'{"hello": 1}', str(int(time.time()))
    headers = {sandbox.HEADER: f"t={stamp},v1={sandbox._digest(body, stamp)}"}
    with pytest.raises(UserError, match="not an event"):
        inbox.receive("sandbox", body, headers)


def test_an_event_about_something_unknown_is_done_and_says_so(
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        inbox.receive("sandbox", *event())
    row = InboxEvent.objects.get()
    assert (row.state, row.outcome) == (JobState.SUCCEEDED, "checkout: not there")


def test_while_the_provider_is_down_the_event_waits(
    place: Buy, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("writing-topup-10")

    def down(*args: Any) -> str:
        raise ServiceError("unknown", "The service did not answer in time.")

    monkeypatch.setattr(events, "apply", down)
    with django_capture_on_commit_callbacks(execute=True):
        inbox.receive("sandbox", *event(str(order.checkout_ref)))
    row = InboxEvent.objects.get()
    assert (row.state, row.attempts, row.error) == (
        JobState.QUEUED,
        1,
        "The service did not answer in time.",
    )
    monkeypatch.undo()
    InboxEvent.objects.update(run_after=row.created_at)
    inbox.work(row.pk)
    row.refresh_from_db()
    assert row.state == JobState.SUCCEEDED


def test_staff_replay_an_event_without_doing_anything_twice(
    buy: Buy, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-10")
    row = InboxEvent.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        inbox.replay(row, actor=staff, reason="To be sure")
    row.refresh_from_db()
    assert (row.state, Payment.objects.count()) == (JobState.SUCCEEDED, 1)


def test_old_bodies_are_forgotten_and_cannot_be_replayed(buy: Buy, staff: User) -> None:
    from datetime import timedelta

    buy("writing-topup-10")
    assert inbox.empty_old() == 0
    row = InboxEvent.objects.get()
    InboxEvent.objects.update(created_at=row.created_at - timedelta(days=91))
    assert inbox.empty_old() == 1
    row.refresh_from_db()
    with pytest.raises(BillingError, match="not kept"):
        inbox.replay(row, actor=staff, reason="Why not")


def test_the_webhook_without_a_provider_refuses_and_stores_nothing(client: Client) -> None:
    for path in ("/stripe/webhook", "/stripe-webhook"):
        response = client.post(path, b"{}", content_type="application/json")
        assert response.status_code == 409
        assert response.json()["error"]["code"] == "gateway_missing"
        assert client.get(path).status_code == 405
    assert InboxEvent.objects.count() == 0


def test_the_webhook_refuses_what_stripe_did_not_sign(client: Client, settings: Any) -> None:
    settings.STRIPE_API_KEY = "sk_test_" + "x" * 24
    for secrets in ([], ["whsec_right"]):
        settings.STRIPE_WEBHOOK_SECRETS = secrets
        response = client.post(
            "/stripe/webhook",
            b'{"id": "evt_1"}',
            content_type="application/json",
            headers={"Stripe-Signature": "t=1,v1=00"},
        )
        assert response.status_code == 400
    large = b"x" * (settings.WEBHOOK_BODY_LIMIT + 1)
    response = client.post("/stripe/webhook", large, content_type="application/json")
    assert response.status_code == 413
    assert InboxEvent.objects.count() == 0
