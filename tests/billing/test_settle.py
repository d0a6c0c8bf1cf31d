"""What a payment sets off: once, however often and in whatever order it is reported."""

from typing import Any

import pytest

from accounts.models import Account, OutgoingMail
from billing.errors import BillingError
from billing.flows import checkout, credits, events, sandbox, settle
from billing.gateways.contract import Kind, PaymentSnapshot
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
    with pytest.raises(BillingError, match="Somebody else"):
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


def told(order: Order, state: str, ref: str = "pi_1", amount: int | None = None) -> str:
    """Apply what a provider says about a payment of an order."""
    paid = order.total if amount is None else amount
    snapshot = PaymentSnapshot(ref, state, paid, "USD", str(order.uuid), failure="Declined.")
    outcome = settle.payment("sandbox", snapshot)
    order.refresh_from_db()
    return outcome


def test_a_bank_debit_after_a_declined_card_that_bounces_can_be_tried_again(place: Buy) -> None:
    order = place("writing-topup-10")
    seen = []
    for state in ("failed", "processing", "failed"):
        told(order, state)
        seen.append((order.state, Payment.objects.get().state))
    assert seen == [("failed", "failed"), ("processing", "processing"), ("failed", "failed")]
    checkout.start(order)
    assert order.state == "open"
    assert told(order, "succeeded", "pi_2") == "paid"


def test_an_order_does_not_wait_for_a_payment_that_is_known_to_have_failed(place: Buy) -> None:
    order = place("writing-topup-10")
    told(order, "failed")
    Order.objects.update(state="processing")
    assert told(order, "failed") == "failed"
    assert order.state == "failed"


def test_old_news_of_a_failed_payment_do_not_fail_an_order_that_is_open_again(place: Buy) -> None:
    order = place("writing-topup-10")
    told(order, "failed")
    checkout.start(order)
    assert told(order, "failed") == "known"
    assert order.state == "open"
    assert OutgoingMail.objects.filter(template="billing/email/payment_failed").count() == 1


def test_a_failed_payment_does_not_fail_an_order_that_has_other_money(place: Buy) -> None:
    order = place("writing-topup-10")
    told(order, "processing", "pi_1")
    told(order, "failed", "pi_2")
    assert order.state == "processing"
    told(order, "succeeded", "pi_1", amount=1)  # not what was asked for: staff decides
    told(order, "failed", "pi_3")
    assert order.state == "processing"


@pytest.mark.parametrize("uuid", ["12345", "WC-1001", "", "x" * 500])
def test_the_order_id_of_somebody_else_is_no_order_of_ours(db: None, uuid: str) -> None:
    assert settle.order_of(uuid) is None
