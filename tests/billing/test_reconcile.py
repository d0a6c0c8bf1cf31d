"""What was paid and never reported is found and credited; what cannot be is shown to staff."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, AuditEntry, User
from billing.errors import BillingError
from billing.flows import credits, differences, reconcile, sandbox
from billing.models import (
    Difference,
    Dispute,
    Fulfilment,
    InboxEvent,
    Order,
    Payment,
    ReconciliationRun,
    SandboxObject,
    Subscription,
)
from tests.billing.conftest import Buy

pytestmark = pytest.mark.django_db


def silently(order: Order, *acts: str) -> None:
    """Play acts whose events are all lost."""
    for act in acts:
        sandbox.ACTS[act](SandboxObject.objects.get(ref=order.checkout_ref))


def compare(capture: Any, days: int = 3) -> ReconciliationRun:
    with capture(execute=True):
        return reconcile.compare("sandbox", timezone.now() - timedelta(days=days))


def test_a_payment_whose_event_was_lost_is_credited_by_the_comparison(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("writing-topup-10")
    silently(order, "pay")
    run = compare(django_capture_on_commit_callbacks)
    order.refresh_from_db()
    assert (order.state, credits.wallet_of(account).balance) == ("paid", 1000)
    assert (run.repaired, run.left_open, run.error) == (1, 0, "")
    again = compare(django_capture_on_commit_callbacks)
    assert (again.repaired, credits.wallet_of(account).balance) == (0, 1000)


@pytest.mark.parametrize(
    ("code", "acts", "coins"),
    [
        ("writing-lite-monthly", ("pay",), 50_000),
        ("writing-lite-monthly", ("pay", "renew", "renew"), 150_000),
        ("writing-topup-10", ("pay", "refund"), 0),
        ("writing-topup-10", ("pay", "dispute", "lose_dispute"), 0),
        ("writing-topup-10", ("pay", "dispute", "win_dispute"), 1000),
        ("writing-lite-monthly", ("pay", "fail_renewal", "renew"), 100_000),
        ("writing-lite-monthly", ("pay", "renew", "cancel"), 100_000),
    ],
)
def test_the_comparison_alone_brings_everything_that_happened(
    place: Buy,
    account: Account,
    code: str,
    acts: tuple[str, ...],
    coins: int,
    django_capture_on_commit_callbacks: Any,
) -> None:
    silently(place(code), *acts)
    compare(django_capture_on_commit_callbacks)
    compare(django_capture_on_commit_callbacks)
    assert InboxEvent.objects.count() == 0
    assert credits.wallet_of(account).balance == coins
    assert Difference.objects.needing_attention().count() == 0
    if "cancel" in acts:
        assert Subscription.objects.get().state == "canceled"
    if "dispute" in acts:
        assert Dispute.objects.get().state in ("won", "lost")


def test_an_order_that_waits_is_asked_about(
    place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("writing-topup-10")
    silently(order, "expire")
    compare(django_capture_on_commit_callbacks)
    order.refresh_from_db()
    assert order.state == "open", "it may still be under way"
    Order.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    compare(django_capture_on_commit_callbacks)
    order.refresh_from_db()
    assert order.state == "expired"


def test_a_payment_only_we_know_of_is_shown_to_staff(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-10")
    payment = Payment.objects.get()
    SandboxObject.objects.filter(ref=payment.ref).delete()
    run = compare(django_capture_on_commit_callbacks)
    row = Difference.objects.get()
    assert (row.kind, row.ref, row.actual, run.left_open) == (
        "not_paid",
        payment.ref,
        "unknown there",
        1,
    )


def test_another_amount_in_the_provider_s_books_is_shown_to_staff(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-10")
    row = SandboxObject.objects.get(kind="payment")
    row.data["amount"] = 99
    row.save()
    compare(django_capture_on_commit_callbacks)
    found = Difference.objects.get()
    assert (found.kind, found.expected, found.actual) == ("amount", "100 USD", "99 USD")


def test_money_for_an_order_we_do_not_have_is_shown_to_staff(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-10")
    SandboxObject.objects.create(
        kind="payment",
        ref="sbx_payment_strange",
        data={
            "state": "succeeded",
            "amount": 500,
            "currency": "USD",
            "order_uuid": "00000000-0000-4000-8000-000000000000",
        },
    )
    compare(django_capture_on_commit_callbacks)
    assert Difference.objects.get().kind == "unknown"


def test_a_payment_of_another_site_at_the_same_provider_is_left_alone(
    db: None, django_capture_on_commit_callbacks: Any
) -> None:
    SandboxObject.objects.create(
        kind="payment",
        ref="sbx_payment_other",
        data={"state": "succeeded", "amount": 500, "currency": "USD"},
    )
    assert compare(django_capture_on_commit_callbacks).seen == 1
    assert Difference.objects.count() == Payment.objects.count() == 0


def test_what_is_paid_and_not_delivered_for_a_quarter_of_an_hour_is_shown_until_it_is(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-10")
    Fulfilment.objects.update(state="failed", created_at=timezone.now() - timedelta(minutes=16))
    compare(django_capture_on_commit_callbacks)
    assert Difference.objects.get().kind == "stuck"
    Fulfilment.objects.update(state="succeeded")
    compare(django_capture_on_commit_callbacks)
    assert Difference.objects.get().state == "repaired"


def test_staff_close_a_difference_with_a_reason(db: None, staff: User) -> None:
    row = differences.note("unknown", "x")
    differences.settle(row, actor=staff, reason="A test payment of ours")
    row.refresh_from_db()
    assert (row.state, row.resolution) == ("settled", "A test payment of ours")
    assert AuditEntry.objects.get().after["state"] == "settled"
    with pytest.raises(BillingError):
        differences.settle(row, actor=staff, reason="Again")
    assert differences.note("unknown", "x") == row


def test_a_provider_that_is_down_ends_the_run_and_is_noted(db: None, settings: Any) -> None:
    settings.STRIPE_API_KEY = "sk_test_" + "x" * 24
    settings.STRIPE_API_URL = "http://127.0.0.1:9"
    run = reconcile.compare("stripe", timezone.now() - timedelta(days=3))
    assert run.error
    assert run.finished_at is not None
