"""Plans: a period for each paid invoice, a trial for newcomers, a grace for a failed renewal."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Account, OutgoingMail
from billing.errors import BillingError
from billing.flows import credits, entitlements, events, refunds, subscriptions
from billing.gateways.contract import Kind
from billing.models import (
    Difference,
    Fulfilment,
    GatewayPrice,
    Invoice,
    Offer,
    Payment,
    SandboxObject,
    Subscription,
    TaxRate,
)
from tests.billing.conftest import Buy, play

pytestmark = pytest.mark.django_db


def balance(account: Account) -> int:
    return credits.wallet_of(account).balance


def mails(template: str) -> int:
    return OutgoingMail.objects.filter(template=f"billing/email/{template}").count()


def test_a_plan_gives_its_coins_with_each_paid_invoice(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-lite-monthly")
    order.refresh_from_db()
    row = Subscription.objects.get()
    assert (order.state, row.state, balance(account)) == ("paid", "active", 50_000)
    play(order, "renew", django_capture_on_commit_callbacks)
    assert balance(account) == 100_000
    assert Payment.objects.filter(subscription=row, state="succeeded").count() == 2
    assert mails("receipt") == 2


def test_the_provider_s_invoice_number_is_kept(buy: Buy) -> None:
    buy("writing-lite-monthly")
    invoice = Invoice.objects.get()
    assert invoice.issued_by == "sandbox"
    assert invoice.number.startswith("TEST-")


def test_a_trial_gives_what_the_plan_allows_and_costs_nothing_yet(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("campaigns-starter")
    row = Subscription.objects.get()
    assert row.state == "trialing"
    assert Payment.objects.count() == Invoice.objects.count() == 0
    assert entitlements.limit_of(account, "campaigns.active") == 5
    play(order, "renew", django_capture_on_commit_callbacks)
    row.refresh_from_db()
    assert row.state == "active"
    assert Payment.objects.get().amount == 4999


def test_the_trial_is_for_newcomers(
    buy: Buy, place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    play(buy("campaigns-starter"), "cancel", django_capture_on_commit_callbacks)
    assert place("campaigns-professional").quote["trial_days"] == 0


def test_one_live_plan_of_a_family(buy: Buy, place: Buy) -> None:
    buy("writing-lite-monthly")
    with pytest.raises(BillingError, match="Writing Lite, monthly already"):
        place("writing-pro-yearly")
    place("campaigns-starter")


def test_two_plans_paid_side_by_side_give_once_and_the_second_is_shown_to_staff(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    first, second = place("writing-lite-monthly"), place("writing-pro-monthly")
    play(first, "pay", django_capture_on_commit_callbacks)
    play(second, "pay", django_capture_on_commit_callbacks)
    rows = Subscription.objects.needing_attention()
    assert [row.order for row in rows] == [second]
    assert balance(account) == 50_000


def test_a_failed_renewal_mails_at_once_after_3_and_7_days_and_at_the_end_of_grace(
    buy: Buy, place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("campaigns-starter")
    play(order, "renew", django_capture_on_commit_callbacks)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        play(order, "fail_renewal", django_capture_on_commit_callbacks)
        row = Subscription.objects.get()
        assert (row.state, row.runs, mails("renewal_failed")) == ("past_due", True, 1)
        for day, failed, ended in ((1, 1, 0), (3, 2, 0), (6, 2, 0), (7, 3, 0), (13, 3, 0)):
            clock.move_to(start + timedelta(days=day, minutes=1), tick=False)
            subscriptions.remind()
            subscriptions.remind()
            assert (mails("renewal_failed"), mails("renewal_ended")) == (failed, ended), day
            assert entitlements.limit_of(account, "campaigns.active") == 5
        clock.move_to(start + timedelta(days=14, minutes=1), tick=False)
        subscriptions.remind()
        subscriptions.remind()
        assert (mails("renewal_failed"), mails("renewal_ended")) == (3, 1)
        assert entitlements.limit_of(account, "campaigns.active") == 0
        row.refresh_from_db()
        assert not row.runs
        # The provider was asked to end it too: the old card is not charged any more.
        assert (row.state, row.to_end) == ("canceled", True)
        play(place("campaigns-professional"), "pay", django_capture_on_commit_callbacks)
        assert entitlements.limit_of(account, "campaigns.active") == 25


def test_a_cancelled_plan_ends_what_it_allowed_and_leaves_the_coins(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    coins = buy("writing-lite-monthly")
    plan = buy("campaigns-starter")
    for order in (coins, plan):
        play(order, "cancel", django_capture_on_commit_callbacks)
    assert set(Subscription.objects.values_list("state", flat=True)) == {"canceled"}
    assert entitlements.limit_of(account, "campaigns.active") == 0
    assert balance(account) == 50_000


def test_an_answer_that_is_older_than_what_is_known_is_dropped(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-lite-monthly")
    row = Subscription.objects.get()
    gateway = subscriptions.gateways.by_code("sandbox")
    old = gateway.fetch(Kind.SUBSCRIPTION, row.ref)
    asked_at = timezone.now()
    play(order, "cancel", django_capture_on_commit_callbacks)
    subscriptions.keep("sandbox", old, asked_at=asked_at)
    row.refresh_from_db()
    assert row.state == "canceled"


def test_a_failed_invoice_reported_after_it_was_paid_begins_no_grace(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-lite-monthly")
    play(order, "fail_renewal", django_capture_on_commit_callbacks)
    ref = Payment.objects.get(state="failed").invoice_ref
    old = subscriptions.gateways.by_code("sandbox").fetch(Kind.INVOICE, ref)
    play(order, "renew", django_capture_on_commit_callbacks)
    subscriptions.apply_invoice("sandbox", old)
    assert Subscription.objects.get().overdue_since is None
    assert Payment.objects.filter(state="succeeded").count() == 2


def test_another_plan_chosen_at_the_provider_changes_what_is_allowed(
    buy: Buy, place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    buy("campaigns-starter")
    row = Subscription.objects.get()
    other = place("campaigns-professional", account=Account.objects.create(name="Other"))
    price = SandboxObject.objects.get(ref=other.checkout_ref).data["price_ref"]
    books = SandboxObject.objects.get(ref=row.ref)
    books.data["price_ref"] = price
    books.save()
    with django_capture_on_commit_callbacks(execute=True):
        events.apply("sandbox", Kind.SUBSCRIPTION, row.ref)
    row.refresh_from_db()
    assert row.offer.code == "campaigns-professional"
    assert entitlements.limit_of(account, "campaigns.active") == 25


def test_a_refunded_period_takes_its_coins_back(
    buy: Buy, account: Account, staff: Any, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-lite-monthly")
    with django_capture_on_commit_callbacks(execute=True):
        refunds.request(Payment.objects.get(), 2000, actor=staff, reason="Unhappy")
    assert balance(account) == 0
    assert Fulfilment.objects.get(verb="withdraw").state == "succeeded"


def test_a_plan_that_ended_was_paid_again_and_ended_again_allows_nothing(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    buy("campaigns-starter")
    books = SandboxObject.objects.get(kind="subscription")
    for state, allowed in (("unpaid", 0), ("active", 0), ("canceled", 0)):
        books.data["state"] = state
        books.save()
        with django_capture_on_commit_callbacks(execute=True):
            events.apply("sandbox", Kind.SUBSCRIPTION, books.ref)
        assert entitlements.limit_of(account, "campaigns.active") == allowed
    assert Fulfilment.objects.filter(verb="withdraw").count() == 2


def test_going_back_and_forth_between_plans_ends_with_the_last_one(
    buy: Buy, place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    buy("campaigns-starter")
    other = place("campaigns-professional", account=Account.objects.create(name="Other"))
    big = SandboxObject.objects.get(ref=other.checkout_ref).data["price_ref"]
    books = SandboxObject.objects.get(kind="subscription")
    small = books.data["price_ref"]
    for price, allowed in ((big, 25), (small, 5), (big, 25), (small, 5)):
        books.data["price_ref"] = price
        books.save()
        with django_capture_on_commit_callbacks(execute=True):
            events.apply("sandbox", Kind.SUBSCRIPTION, books.ref)
        assert entitlements.limit_of(account, "campaigns.active") == allowed


def test_a_renewal_paid_within_the_grace_goes_on_as_if_nothing_had_been(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("campaigns-starter")
    for act in ("renew", "fail_renewal", "renew"):
        play(order, act, django_capture_on_commit_callbacks)
    row = Subscription.objects.get()
    assert (row.state, row.overdue_since, row.to_end) == ("active", None, False)
    assert entitlements.limit_of(account, "campaigns.active") == 5


def test_a_trial_whose_first_payment_fails_has_three_days_and_not_fourteen(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("campaigns-starter")
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        play(order, "fail_renewal", django_capture_on_commit_callbacks)
        assert Subscription.objects.get().runs
        clock.move_to(start + timedelta(days=3, minutes=1), tick=False)
        subscriptions.remind()
        assert not Subscription.objects.get().runs
        assert entitlements.limit_of(account, "campaigns.active") == 0
    assert (mails("renewal_failed"), mails("renewal_ended")) == (1, 1)


def test_a_plan_that_is_over_is_ended_at_the_provider_as_soon_as_it_answers(
    buy: Buy, place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-lite-monthly")
    row = Subscription.objects.get()
    books = SandboxObject.objects.get(kind="subscription")
    SandboxObject.objects.filter(pk=books.pk).delete()  # the provider does not find it
    with django_capture_on_commit_callbacks(execute=True):
        subscriptions.end(row)
    row.refresh_from_db()
    assert (row.state, row.runs) == ("active", False)
    play(place("writing-pro-monthly"), "pay", django_capture_on_commit_callbacks)
    assert Subscription.objects.filter(duplicate=True).count() == 0
    books.save(force_insert=True)
    subscriptions.remind()
    row.refresh_from_db()
    assert row.state == "canceled"


def test_a_second_plan_paid_beside_the_first_gives_its_coins_when_the_first_ends(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    first, second = place("writing-lite-monthly"), place("writing-pro-monthly")
    for order in (first, second):
        play(order, "pay", django_capture_on_commit_callbacks)
    assert balance(account) == 50_000
    assert Difference.objects.get().kind == "double"
    play(first, "cancel", django_capture_on_commit_callbacks)
    with django_capture_on_commit_callbacks(execute=True):
        subscriptions.sync("sandbox", second.subscription.ref)
        subscriptions.sync("sandbox", second.subscription.ref)
    assert balance(account) == 200_000
    assert Difference.objects.get().state == "repaired"


def test_a_second_subscription_of_one_order_is_shown_to_staff(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-lite-monthly")
    books = SandboxObject.objects.get(kind="subscription")
    SandboxObject.objects.create(kind="subscription", ref="sbx_other", data=books.data)
    assert subscriptions.sync("sandbox", "sbx_other") == "not ours"
    assert (Subscription.objects.count(), Difference.objects.get().kind) == (1, "unknown")


def test_tax_inside_a_renewal_is_worked_out_where_the_provider_does_not(
    place: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    TaxRate.objects.create(country="US", name="VAT", basis_points=1900)
    order = place("writing-lite-monthly")
    page = SandboxObject.objects.get(ref=order.checkout_ref)
    page.data["tax"] = 0  # as Stripe without Stripe Tax
    page.save()
    play(order, "pay", django_capture_on_commit_callbacks)
    invoice = Invoice.objects.get()
    assert (invoice.net, invoice.tax, invoice.total) == (1681, 319, 2000)
    assert invoice.tax_lines[0]["amount"] == 319
    TaxRate.objects.update(basis_points=1600)
    play(order, "renew", django_capture_on_commit_callbacks)
    newest = Invoice.objects.order_by("-pk")[0]
    assert (newest.tax, newest.tax_lines[0]["basis_points"]) == (276, 1600)


@pytest.mark.parametrize(("paid", "coins"), [(10_000, 2500), (1, 0), (0, 0)])
def test_a_change_of_plan_that_is_paid_at_once_gives_coins_for_what_was_paid(
    buy: Buy,
    offers: dict[str, Offer],
    account: Account,
    paid: int,
    coins: int,
    django_capture_on_commit_callbacks: Any,
) -> None:
    buy("writing-lite-monthly")
    price = offers["writing-lite-yearly"].price
    assert price is not None
    GatewayPrice.objects.create(gateway="sandbox", price=price, ref="sbx_year")
    books = SandboxObject.objects.get(kind="subscription")
    old = SandboxObject.objects.get(ref=books.data["latest_invoice_ref"])
    books.data |= {"price_ref": "sbx_year", "latest_invoice_ref": "sbx_invoice_change"}
    books.save()
    payment = {"state": "succeeded", "amount": paid, "currency": "USD"}
    SandboxObject.objects.create(kind="payment", ref="sbx_change", data=payment)
    data = {
        **old.data,
        "reason": "update",
        "price_ref": "sbx_year",
        "amount": paid,
        "payment_ref": "sbx_change" if paid else "",
        "number": "TEST-2",
    }
    SandboxObject.objects.create(kind="invoice", ref="sbx_invoice_change", data=data)
    with django_capture_on_commit_callbacks(execute=True):
        events.apply("sandbox", Kind.INVOICE, "sbx_invoice_change")
    assert balance(account) == 50_000 + coins * 100


def test_an_invoice_paid_by_another_card_than_the_one_that_failed_is_that_payment(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-lite-monthly")
    play(order, "fail_renewal", django_capture_on_commit_callbacks)
    invoice = SandboxObject.objects.get(ref=Payment.objects.get(state="failed").invoice_ref)
    SandboxObject.objects.create(
        kind="payment",
        ref="sbx_other_card",
        data={
            "state": "succeeded",
            "amount": 2000,
            "currency": "USD",
            "invoice_ref": invoice.ref,
        },
    )
    invoice.data |= {"state": "paid", "payment_ref": "sbx_other_card"}
    invoice.save()
    with django_capture_on_commit_callbacks(execute=True):
        events.apply("sandbox", Kind.INVOICE, invoice.ref)
    assert Payment.objects.get(invoice_ref=invoice.ref).ref == "sbx_other_card"
