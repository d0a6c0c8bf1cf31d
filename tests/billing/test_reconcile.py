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
from common.http import ServiceError
from tests.billing.conftest import Buy, play

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


def strange(kind: str, ref: str, **data: Any) -> None:
    """Put an object into the provider's books that is nothing of ours."""
    paid = {"state": "succeeded", "amount": 5, "currency": "USD"}
    SandboxObject.objects.create(kind=kind, ref=ref, data=paid | data)


def test_refunds_and_payments_of_other_sites_end_no_comparison(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    silently(place("writing-topup-10"), "pay")
    strange("refund", "re_x", payment_ref="")
    strange("dispute", "dp_x", payment_ref="ch_x", state="lost")
    strange("payment", "pi_x", order_uuid="WC-1001")
    run = compare(django_capture_on_commit_callbacks)
    assert (run.error, run.repaired, run.left_open) == ("", 1, 1)
    assert credits.wallet_of(account).balance == 1000
    assert Difference.objects.needing_attention().get().ref == "pi_x"


def test_one_object_that_cannot_be_compared_is_shown_to_staff_and_the_others_go_on(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    silently(place("writing-topup-10"), "pay")
    strange("refund", "re_bad", payment_ref="pi_bad")
    strange("payment", "pi_bad", invoice_ref="in_nowhere")
    run = compare(django_capture_on_commit_callbacks)
    assert (run.error, run.repaired, run.left_open) == ("", 1, 2)
    assert run.finished_at is not None
    assert credits.wallet_of(account).balance == 1000
    shown = Difference.objects.needing_attention()
    assert {(row.kind, row.ref) for row in shown} == {("unknown", "pi_bad"), ("unknown", "re_bad")}
    assert shown[0].actual.startswith("not compared: NotFound")


def test_an_order_that_cannot_be_asked_about_ends_no_comparison(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    bad, good = place("writing-topup-10"), place("writing-topup-10")
    silently(good, "pay")
    checkout = SandboxObject.objects.get(ref=bad.checkout_ref)
    checkout.data["payment_ref"] = "sbx_gone"
    checkout.save()
    Order.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    compare(django_capture_on_commit_callbacks)
    assert Difference.objects.needing_attention().get().ref == bad.checkout_ref
    assert credits.wallet_of(account).balance == 1000


def test_a_comparison_that_breaks_is_ended_with_the_reason(
    place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    SandboxObject.objects.create(kind="invoice", ref="in_unreadable", data={})
    run = compare(django_capture_on_commit_callbacks)
    assert run.error.startswith("TypeError")
    assert ReconciliationRun.objects.get().finished_at is not None


def test_whatever_is_wrong_with_one_provider_the_next_is_compared(
    place: Buy,
    account: Account,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    silently(place("writing-topup-10"), "pay")
    settings.STRIPE_API_KEY, settings.STRIPE_API_URL = "sk_test_" + "x" * 24, "nowhere"
    with django_capture_on_commit_callbacks(execute=True):
        reconcile.hourly()
    run = ReconciliationRun.objects.get(gateway="stripe")
    assert run.error
    assert run.finished_at is not None
    assert credits.wallet_of(account).balance == 1000


def test_a_provider_that_stops_answering_is_not_asked_about_every_object(
    place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    run = ReconciliationRun.objects.create(gateway="stripe", since=timezone.now())
    guard, asked = reconcile.Guard("stripe", run), []

    def ask() -> None:
        asked.append(1)
        raise ServiceError("retry", "The service did not answer in time.")

    guard.do("in_1", ask)
    guard.do("in_2", ask)
    with pytest.raises(ServiceError):
        guard.do("in_3", ask)
    assert Difference.objects.count() == 2


def test_every_night_plans_and_disputes_of_long_ago_are_asked_about(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    plan = buy("writing-lite-yearly")
    topup = play(buy("writing-topup-10"), "dispute", capture)
    had = credits.wallet_of(account).balance
    SandboxObject.objects.update(created_at=timezone.now() - timedelta(days=100))
    silently(plan, "cancel")
    silently(topup, "lose_dispute")
    Subscription.objects.update(period_end=timezone.now() - timedelta(minutes=61))
    with capture(execute=True):
        reconcile.hourly()
    assert (Subscription.objects.get().state, Dispute.objects.get().state) == ("active", "open")
    with capture(execute=True):
        reconcile.nightly()
    assert (Subscription.objects.get().state, Dispute.objects.get().state) == ("canceled", "lost")
    assert credits.wallet_of(account).balance == had - 1000


def test_a_plan_that_is_not_due_yet_is_not_asked_about(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-lite-yearly")
    SandboxObject.objects.update(created_at=timezone.now() - timedelta(days=100))
    silently(order, "cancel")
    Subscription.objects.update(period_end=timezone.now() - timedelta(minutes=59))
    reconcile.nightly()
    assert Subscription.objects.get().state == "active"


def test_what_had_mended_itself_and_comes_up_again_opens_again(db: None) -> None:
    row = differences.note("stuck", "x", actual="slow")
    assert differences.repaired(row, "Delivered since.")
    run = ReconciliationRun.objects.create(gateway="sandbox", since=timezone.now())
    again = differences.note("stuck", "x", actual="slow again", run=run)
    assert (again.pk, again.state, again.actual) == (row.pk, "open", "slow again")
    assert (again.resolution, again.settled_at, again.run) == ("", None, run)


def test_what_staff_closed_opens_again_only_when_it_looks_different(db: None, staff: User) -> None:
    row = differences.note("amount", "x", expected="100 USD", actual="99 USD")
    differences.settle(row, actor=staff, reason="A cent")
    same = differences.note("amount", "x", expected="100 USD", actual="99 USD")
    assert (same.state, same.resolution) == ("settled", "A cent")
    other = differences.note("amount", "x", expected="100 USD", actual="9 USD")
    assert (other.state, other.actual) == ("open", "9 USD")
