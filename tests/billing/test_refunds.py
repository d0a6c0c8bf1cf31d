"""Refunds and disputes take back what was paid for, once, and never pay back more than came in."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from accounts.errors import AccountsError
from accounts.models import Account, AuditEntry, OutgoingMail, User
from billing.errors import BillingError
from billing.flows import credits, events, refunds, settle
from billing.gateways.contract import DisputeSnapshot, Kind, PaymentSnapshot, RefundSnapshot
from billing.models import Dispute, Invoice, Order, Payment, Refund, SandboxObject
from tests.billing.conftest import Buy, play

pytestmark = pytest.mark.django_db


def ask(payment: Payment, amount: int, staff: User, capture: Any) -> Refund:
    with capture(execute=True):
        return refunds.request(payment, amount, actor=staff, reason="Did not like it")


def test_a_full_refund_pays_back_takes_the_coins_and_writes_a_credit_note(
    buy: Buy, account: Account, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-topup-50")
    row = ask(Payment.objects.get(), 500, staff, django_capture_on_commit_callbacks)
    row.refresh_from_db()
    order.refresh_from_db()
    assert (row.state, order.state) == ("succeeded", "refunded")
    assert credits.wallet_of(account).balance == 0
    note = Invoice.objects.get(kind="credit")
    assert (note.total, note.corrects) == (-500, Invoice.objects.get(kind="invoice"))
    assert OutgoingMail.objects.filter(template="billing/email/refunded").count() == 1
    entry = AuditEntry.objects.get(action="billing.refund")
    assert (entry.actor, entry.reason) == (staff, "Did not like it")
    assert (entry.before["refunded"], entry.after["refunded"]) == ("0", "500")


def test_parts_are_paid_back_and_taken_back_in_parts(
    buy: Buy, account: Account, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-topup-50")
    payment = Payment.objects.get()
    ask(payment, 200, staff, django_capture_on_commit_callbacks)
    order.refresh_from_db()
    assert (order.state, credits.wallet_of(account).balance) == ("partly_refunded", 3000)
    ask(payment, 300, staff, django_capture_on_commit_callbacks)
    order.refresh_from_db()
    assert (order.state, credits.wallet_of(account).balance) == ("refunded", 0)


def test_never_more_than_was_paid(
    buy: Buy, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-50")
    payment = Payment.objects.get()
    ask(payment, 400, staff, django_capture_on_commit_callbacks)
    for amount in (101, 500, 0, -5):
        with pytest.raises(BillingError):
            refunds.request(payment, amount, actor=staff, reason="Again")
    assert Refund.objects.count() == AuditEntry.objects.count() == 1


def test_a_refund_needs_a_reason(buy: Buy, staff: User) -> None:
    buy("writing-topup-50")
    with pytest.raises(AccountsError, match="Say why"):
        refunds.request(Payment.objects.get(), 100, actor=staff, reason=" ")
    assert Refund.objects.count() == 0


def test_spent_coins_that_are_refunded_become_a_debt(
    buy: Buy, account: Account, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-50")
    credits.spend(account, 2000, ref="text:1")
    ask(Payment.objects.get(), 500, staff, django_capture_on_commit_callbacks)
    wallet = credits.wallet_of(account)
    assert (wallet.balance, wallet.debt) == (0, 2000)
    buy("writing-topup-25")
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.debt) == (500, 0)


def test_a_refund_made_at_the_provider_is_found_and_applied(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(buy("writing-topup-10"), "refund", django_capture_on_commit_callbacks)
    assert order.state == "refunded"
    assert credits.wallet_of(account).balance == 0
    row = Refund.objects.get()
    assert (row.author, Payment.objects.get().refunded) == (None, 100)
    events.apply("sandbox", Kind.REFUND, str(row.ref))
    assert Payment.objects.get().refunded == 100


def test_a_refund_reported_before_its_payment_ends_the_same(
    place: Buy, account: Account, django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    order = place("writing-topup-10")
    # The events of payment and refund are lost; only the one about the refund comes through.
    for act in ("pay", "refund"):
        from billing.flows import sandbox

        sandbox.ACTS[act](SandboxObject.objects.get(ref=order.checkout_ref))
    ref = SandboxObject.objects.get(kind="refund").ref
    with django_capture_on_commit_callbacks(execute=True):
        events.apply("sandbox", Kind.REFUND, ref)
        events.apply("sandbox", Kind.CHECKOUT, str(order.checkout_ref))
    order.refresh_from_db()
    assert order.state == "refunded"
    assert credits.wallet_of(account).balance == 0


def test_a_refund_the_provider_refuses_leaves_the_amount_free(
    buy: Buy, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-10")
    payment = Payment.objects.get()
    SandboxObject.objects.filter(ref=payment.ref).delete()
    row = ask(payment, 100, staff, django_capture_on_commit_callbacks)
    row.refresh_from_db()
    payment.refresh_from_db()
    assert (row.state, payment.refunded, row.request.state) == ("failed", 0, "failed")


def test_a_lost_dispute_takes_back_and_a_won_one_does_not(
    buy: Buy, account: Account, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    won, lost = buy("writing-topup-10"), buy("writing-topup-25")
    for order, end in ((won, "win_dispute"), (lost, "lose_dispute")):
        play(order, "dispute", capture)
        assert Dispute.objects.needing_attention().count() == 1
        assert credits.wallet_of(account).balance >= 1000
        play(order, end, capture)
    assert [won.state, lost.state] == ["paid", "charged_back"]
    assert credits.wallet_of(account).balance == 1000


def receive(order: Order, ref: str, amount: int) -> Payment:
    """Let a payment of an order come in."""
    snapshot = PaymentSnapshot(ref, "succeeded", amount, "USD", str(order.uuid))
    settle.payment("sandbox", snapshot)
    return Payment.objects.get(ref=ref)


def give_back(order: Order, payment: Payment, amount: int) -> str:
    """Let a refund made at the provider come in; return where the order stands then."""
    ref = f"re_{payment.ref}_{amount}"
    refunds.apply_refund(
        "sandbox", RefundSnapshot(ref, payment.ref, amount, payment.currency, "succeeded")
    )
    order.refresh_from_db()
    return order.state


def lose(order: Order, payment: Payment, amount: int) -> str:
    """Let the buyer's bank take back an amount; return where the order stands then."""
    ref = f"dp_{payment.ref}_{amount}"
    refunds.apply_dispute(
        "sandbox", DisputeSnapshot(ref, payment.ref, amount, payment.currency, "lost")
    )
    order.refresh_from_db()
    return order.state


@pytest.mark.parametrize("back", [give_back, lose])
def test_a_second_payment_that_goes_back_leaves_a_good_order_paid(
    buy: Buy, account: Account, back: Callable[[Order, Payment, int], str]
) -> None:
    order = buy("writing-topup-10")
    second = receive(order, "pi_2", 100)
    assert back(order, second, 40) == "paid"
    assert back(order, second, 60) == "paid"
    assert credits.wallet_of(account).balance == 1000


def test_when_the_payment_that_delivered_goes_back_the_order_says_so(
    buy: Buy, account: Account
) -> None:
    order = buy("writing-topup-10")
    first, second = Payment.objects.get(), receive(order, "pi_2", 100)
    assert give_back(order, first, 100) == "partly_refunded", "the second one is still here"
    assert credits.wallet_of(account).balance == 0
    assert give_back(order, second, 100) == "refunded"


def test_a_wrong_amount_that_goes_back_ends_the_order(place: Buy, account: Account) -> None:
    order = place("writing-topup-10")
    payment = receive(order, "pi_1", 3)
    assert give_back(order, payment, 1) == "open"
    assert give_back(order, payment, 2) == "refunded"
    assert credits.wallet_of(account).balance == 0


def test_a_lost_dispute_over_a_part_takes_back_that_part(buy: Buy, account: Account) -> None:
    order = buy("writing-topup-10")
    payment = Payment.objects.get()
    assert lose(order, payment, 30) == "partly_refunded"
    assert credits.wallet_of(account).balance == 700
    assert give_back(order, payment, 20) == "partly_refunded"
    assert credits.wallet_of(account).balance == 500
    assert lose(order, payment, 50) == "charged_back"
    assert credits.wallet_of(account).balance == 0


def test_a_lost_dispute_counts_with_the_amount_it_was_lost_for(buy: Buy, account: Account) -> None:
    order = buy("writing-topup-10")
    payment = Payment.objects.get()
    opened = DisputeSnapshot("dp_1", payment.ref, 100, "USD", "open")
    refunds.apply_dispute("sandbox", opened)
    refunds.apply_dispute("sandbox", replace(opened, state="lost", amount=40))
    order.refresh_from_db()
    assert (order.state, Dispute.objects.get().amount) == ("partly_refunded", 40)
    assert credits.wallet_of(account).balance == 600


@pytest.mark.parametrize("ref", ["", "ch_of_somebody_else"])
def test_a_refund_or_dispute_without_a_payment_is_not_ours(db: None, ref: str) -> None:
    refund = RefundSnapshot("re_1", ref, 5, "USD", "succeeded")
    assert refunds.apply_refund("sandbox", refund) == "not ours"
    dispute = DisputeSnapshot("dp_1", ref, 5, "USD", "lost")
    assert refunds.apply_dispute("sandbox", dispute) == "not ours"
