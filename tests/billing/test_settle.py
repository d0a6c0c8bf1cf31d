"""What a payment sets off: once, however often and in whatever order it is reported."""

from typing import Any

import pytest

from accounts.models import Account, OutgoingMail
from billing.flows import checkout, credits, events, sandbox
from billing.gateways.contract import Kind
from billing.models import (
    Cost,
    Difference,
    Fulfilment,
    Invoice,
    LedgerEntry,
    Offer,
    Order,
    Payment,
    Price,
    SandboxObject,
    TaxRate,
)
from common.jobs import JobState
from tests.billing.conftest import Buy, play

pytestmark = pytest.mark.django_db


def balance(account: Account) -> int:
    return credits.wallet_of(account).balance


def test_a_paid_top_up_is_payment_coins_invoice_and_receipt_at_once(
    buy: Buy, account: Account
) -> None:
    order = buy("writing-topup-10")
    order.refresh_from_db()
    assert order.state == "paid"
    payment = Payment.objects.get()
    assert (payment.state, payment.amount, payment.currency) == ("succeeded", 100, "USD")
    assert balance(account) == 1000
    assert Fulfilment.objects.get().state == JobState.SUCCEEDED
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.order) == (100, order)
    receipt = OutgoingMail.objects.get(template="billing/email/receipt")
    assert receipt.to_email == "owner@example.org"
    assert Cost.objects.get().amount_micro == 320_000  # 2.9 % of a dollar and 30 cents


def test_the_same_news_ten_times_changes_nothing_more(buy: Buy, account: Account) -> None:
    order = buy("writing-topup-10")
    for _ in range(10):
        events.apply("sandbox", Kind.CHECKOUT, str(order.checkout_ref))
        events.apply("sandbox", Kind.PAYMENT, Payment.objects.get().ref)
    assert balance(account) == 1000
    assert LedgerEntry.objects.count() == Payment.objects.count() == Invoice.objects.count() == 1
    assert OutgoingMail.objects.filter(template="billing/email/receipt").count() == 1


def test_a_declined_card_is_said_and_can_be_tried_again(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(place("writing-topup-25"), "decline", django_capture_on_commit_callbacks)
    assert order.state == "failed"
    assert "declined" in Payment.objects.get().failure
    assert balance(account) == 0
    order = play(order, "pay", django_capture_on_commit_callbacks)
    assert order.state == "paid"
    assert balance(account) == 2500


def test_a_payment_that_takes_days_delivers_when_it_arrives(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(place("writing-topup-50"), "pay_later", django_capture_on_commit_callbacks)
    assert (order.state, balance(account)) == ("processing", 0)
    order = play(order, "arrive", django_capture_on_commit_callbacks)
    assert (order.state, balance(account)) == ("paid", 5000)


def test_a_payment_that_bounces_delivers_nothing(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(place("writing-topup-50"), "pay_later", django_capture_on_commit_callbacks)
    order = play(order, "bounce", django_capture_on_commit_callbacks)
    assert (order.state, balance(account)) == ("failed", 0)
    assert OutgoingMail.objects.filter(template="billing/email/payment_failed").count() == 1


def test_an_expired_order_that_is_paid_after_all_is_delivered(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("writing-topup-10")
    order.move("expired")
    order = play(order, "pay", django_capture_on_commit_callbacks)
    assert (order.state, balance(account)) == ("paid", 1000)


def test_another_amount_than_asked_for_delivers_nothing_and_is_shown_to_staff(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("writing-topup-10")
    row = SandboxObject.objects.get(ref=order.checkout_ref)
    row.data["amount"] = 1
    row.save()
    order = play(order, "pay", django_capture_on_commit_callbacks)
    assert (order.state, balance(account)) == ("open", 0)
    assert Payment.objects.get().state == "succeeded"
    difference = Difference.objects.get()
    assert (difference.kind, difference.expected, difference.actual) == (
        "amount",
        "100 USD",
        "1 USD",
    )


def test_an_order_paid_twice_delivers_once_and_the_second_payment_is_shown_to_staff(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = place("writing-topup-10")
    first = str(order.checkout_ref)
    Order.objects.filter(pk=order.pk).update(state="failed")
    order.refresh_from_db()
    checkout.start(order)
    assert order.checkout_ref != first
    assert SandboxObject.objects.get(ref=first).data["state"] == "expired"
    # The buyer was faster than our closing of the first page.
    SandboxObject.objects.filter(ref=first).update(
        data={**SandboxObject.objects.get(ref=first).data, "state": "open"}
    )
    for ref in (first, str(order.checkout_ref)):
        with django_capture_on_commit_callbacks(execute=True):
            sandbox.play(ref, "pay")
    assert Payment.objects.filter(state="succeeded").count() == 2
    assert balance(account) == 1000
    assert Difference.objects.get().kind == "double"


def test_an_exclusive_thing_is_sold_once_and_who_pays_too_late_gets_the_money_back(
    place: Buy,
    offers: dict[str, Offer],
    account: Account,
    django_capture_on_commit_callbacks: Any,
) -> None:
    Offer.objects.filter(code="writing-topup-10").update(exclusive=True)
    offers["writing-topup-10"].refresh_from_db()
    slow = place("writing-topup-10", target="asset:7")
    with pytest.raises(checkout.BillingError, match="Somebody else"):
        place("writing-topup-10", target="asset:7")
    slow.move("expired")
    play(place("writing-topup-10", target="asset:7"), "pay", django_capture_on_commit_callbacks)
    slow = play(slow, "pay", django_capture_on_commit_callbacks)
    assert slow.state == "conflict"
    assert slow in Order.objects.needing_attention()
    assert balance(account) == 1000


def test_tax_is_on_order_and_invoice(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    TaxRate.objects.create(country="US", name="Sales tax", basis_points=1000)
    order = buy("writing-topup-50")
    assert (order.net, order.tax, order.total) == (455, 45, 500)
    invoice = Invoice.objects.get()
    assert (invoice.net, invoice.tax, invoice.total) == (455, 45, 500)
    assert invoice.tax_lines == [
        {"name": "Sales tax", "country": "US", "basis_points": 1000, "amount": 45}
    ]


def test_a_handler_that_fails_never_undoes_the_payment(
    buy: Buy, account: Account, settings: Any
) -> None:
    broken = {**settings.FULFILMENT["billing.plan"], "fulfil": "tests.billing.handlers.broken"}
    settings.FULFILMENT = {**settings.FULFILMENT, "billing.plan": broken}
    order = buy("writing-topup-10")
    order.refresh_from_db()
    assert (order.state, Payment.objects.get().state) == ("paid", "succeeded")
    row = Fulfilment.objects.get()
    assert (row.state, "broken on purpose" in row.error) == (JobState.FAILED, True)
    assert order in Order.objects.needing_attention()


@pytest.mark.parametrize(("includes_tax", "paid", "tax"), [(False, 595, 95), (True, 500, 80)])
@pytest.mark.parametrize("first", [Kind.CHECKOUT, Kind.PAYMENT])
def test_with_stripe_tax_the_checkout_says_how_much_of_it_is_tax(
    place: Buy,
    account: Account,
    settings: Any,
    includes_tax: bool,
    paid: int,
    tax: int,
    first: Kind,
) -> None:
    settings.STRIPE_TAX = True
    TaxRate.objects.create(country="US", basis_points=1000)  # not asked: Stripe knows better
    Price.objects.filter(offer__code="writing-topup-50").update(includes_tax=includes_tax)
    order = place("writing-topup-50")
    assert (order.tax, order.total) == (0, 500)
    page = SandboxObject.objects.get(ref=order.checkout_ref)
    page.data |= {"amount": paid, "tax": tax}
    page.save()
    sandbox.ACTS["pay"](page)
    payment = SandboxObject.objects.get(kind="payment")
    events.apply("sandbox", first, str(order.checkout_ref if first == "checkout" else payment.ref))
    order.refresh_from_db()
    assert (order.state, balance(account)) == ("paid", 5000)
    invoice = Invoice.objects.get()
    assert (invoice.net, invoice.tax, invoice.total) == (paid - tax, tax, paid)
    assert Difference.objects.count() == 0
