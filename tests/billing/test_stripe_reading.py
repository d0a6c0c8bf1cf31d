"""Stripe: what we read back, by one question, in our own words."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account
from billing.gateways.contract import (
    CheckoutSnapshot,
    DisputeSnapshot,
    InvoiceSnapshot,
    Kind,
    NotFound,
    PaymentSnapshot,
    RefundSnapshot,
    SubscriptionSnapshot,
)
from billing.gateways.stripe import Stripe, connection
from billing.gateways.stripe.read import micro
from billing.models import Order
from common.http import ServiceError
from tests.billing.stripe_orders import offer, order, paid, plan, refund
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]
BACK = {"success_url": "https://atelier.example/ok", "cancel_url": "https://atelier.example/no"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def bought(account: Account, with_stripe: World) -> Order:
    """An order of a poster whose page is open."""
    made = order(account, offer())
    made.checkout_ref = Stripe().create(made, **BACK).ref
    return made


@pytest.fixture
def subscribed(account: Account, with_stripe: World) -> dict[str, Any]:
    """A monthly subscription at Stripe, paid for the first month."""
    ref = Stripe().create(order(account, plan()), **BACK).ref
    found: dict[str, Any] = with_stripe.objects[with_stripe.pay(ref)["subscription"]]
    return found


def checkout_of(order: Order) -> CheckoutSnapshot:
    """Fetch the checkout of an order."""
    found = Stripe().fetch(Kind.CHECKOUT, order.checkout_ref or "")
    assert isinstance(found, CheckoutSnapshot)
    return found


def invoice(ref: str) -> InvoiceSnapshot:
    """Fetch an invoice."""
    found = Stripe().fetch(Kind.INVOICE, ref)
    assert isinstance(found, InvoiceSnapshot)
    return found


def payment(ref: str) -> PaymentSnapshot:
    """Fetch a payment."""
    found = Stripe().fetch(Kind.PAYMENT, ref)
    assert isinstance(found, PaymentSnapshot)
    return found


# --- Checkouts and payments --------------------------------------------------------------------
def test_an_open_page_has_no_payment(bought: Order) -> None:
    found = checkout_of(bought)
    assert (found.state, found.payment) == ("open", None)
    assert found.order_uuid == str(bought.uuid)


def test_a_paid_page_brings_payment_fee_and_buyer_in_one_call(
    bought: Order, with_stripe: World
) -> None:
    with_stripe.pay(bought.checkout_ref or "")
    before = len(with_stripe.front.calls)
    found = checkout_of(bought)
    assert len(with_stripe.front.calls) == before + 1
    assert (found.state, found.amount, found.currency) == ("complete", 4999, "USD")
    assert (found.email, found.country) == ("owner@example.org", "US")
    assert found.address == ("1 Test Lane", "62701 Springfield", "IL")
    assert found.payment == PaymentSnapshot(
        ref=with_stripe.all("payment_intent")[0]["id"],
        state="succeeded",
        amount=4999,
        currency="USD",
        order_uuid=str(bought.uuid),
        fee_micro=1_750_000,
        fee_currency="USD",
    )


def test_a_fee_that_is_not_booked_yet_is_not_known(bought: Order, with_stripe: World) -> None:
    with_stripe.fees = False
    with_stripe.pay(bought.checkout_ref or "")
    found = checkout_of(bought).payment
    assert found is not None
    assert (found.state, found.fee_micro) == ("succeeded", None)


def test_a_declined_card_leaves_the_page_open_and_says_why(
    bought: Order, with_stripe: World
) -> None:
    with_stripe.decline(bought.checkout_ref or "")
    found = checkout_of(bought)
    assert found.state == "open"
    assert found.payment is not None
    assert (found.payment.state, found.payment.failure) == ("failed", "Your card was declined.")
    with_stripe.pay(bought.checkout_ref or "")
    assert payment(found.payment.ref).state == "succeeded"


def test_money_that_comes_later_is_on_its_way_until_it_is_here(
    bought: Order, with_stripe: World
) -> None:
    with_stripe.pay_later(bought.checkout_ref or "")
    found = checkout_of(bought)
    assert found.payment is not None
    assert (found.state, found.payment.state) == ("complete", "processing")
    with_stripe.arrive(bought.checkout_ref or "")
    assert payment(found.payment.ref).state == "succeeded"


def test_money_that_never_comes_has_failed(bought: Order, with_stripe: World) -> None:
    with_stripe.pay_later(bought.checkout_ref or "")
    with_stripe.bounce(bought.checkout_ref or "")
    found = checkout_of(bought).payment
    assert found is not None
    assert (found.state, found.failure) == ("failed", "The bank refused the debit.")


def test_fees_are_millionths_in_every_kind_of_currency() -> None:
    assert micro(123, "usd") == 1_230_000
    assert micro(123, "JPY") == 123_000_000
    assert micro(123, "kwd") == 123_000


# --- Subscriptions and invoices ----------------------------------------------------------------
def test_a_subscriptions_period_is_its_items(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    found = Stripe().fetch(Kind.SUBSCRIPTION, subscribed["id"])
    assert isinstance(found, SubscriptionSnapshot)
    assert found.period_start is not None
    assert found.period_end is not None
    assert timedelta(days=27) < found.period_end - found.period_start < timedelta(days=32)
    assert found.latest_invoice_ref == subscribed["latest_invoice"]
    assert (found.cancel_at_period_end, found.ended_at) == (False, None)


def test_the_first_invoice_names_order_plan_and_payment(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    found = invoice(subscribed["latest_invoice"])
    assert (found.state, found.reason, found.amount) == ("paid", "create", 4999)
    assert found.subscription_ref == subscribed["id"]
    assert found.price_ref == with_stripe.all("price")[0]["id"]
    assert found.number
    assert found.payment is not None
    assert found.payment.state == "succeeded"
    assert found.payment.order_uuid == subscribed["metadata"]["order"]
    assert found.payment.invoice_ref == found.ref
    assert found.payment.fee_micro is not None


def test_a_renewal_pays_for_the_next_period(subscribed: dict[str, Any], with_stripe: World) -> None:
    ends = subscribed["items"]["data"][0]["current_period_end"]
    found = invoice(with_stripe.renew(subscribed["id"])["id"])
    assert (found.reason, found.state) == ("cycle", "paid")
    assert found.period_start == datetime.fromtimestamp(ends, UTC)
    assert found.period_end is not None


def test_a_failed_renewal_is_due_and_says_why(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    ref = with_stripe.renew(subscribed["id"], paid=False)["id"]
    found = invoice(ref)
    assert (found.state, found.attempted, found.amount) == ("open", True, 4999)
    assert found.payment is not None
    assert (found.payment.state, found.payment.failure) == ("failed", "Your card was declined.")
    assert found.url
    state = Stripe().fetch(Kind.SUBSCRIPTION, subscribed["id"])
    assert isinstance(state, SubscriptionSnapshot)
    assert state.state == "past_due"
    with_stripe.pay_invoice(ref)
    assert invoice(ref).state == "paid"


def test_a_trials_first_invoice_is_paid_without_a_payment(
    account: Account, with_stripe: World
) -> None:
    ref = Stripe().create(order(account, plan(trial_days=14)), **BACK).ref
    found = invoice(with_stripe.pay(ref)["invoice"])
    assert (found.state, found.amount, found.payment) == ("paid", 0, None)


def test_an_invoice_of_prorations_names_the_plan_that_was_changed_to(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    dearer = Stripe().ensure_price(_price(plan(code="pro", amount=14999, family="other")))
    with_stripe.change_price(subscribed["id"], dearer)
    found = invoice(subscribed["latest_invoice"])
    state = Stripe().fetch(Kind.SUBSCRIPTION, subscribed["id"])
    assert isinstance(state, SubscriptionSnapshot)
    assert state.price_ref == dearer
    assert (found.reason, found.price_ref) == ("update", dearer)
    assert found.period_end == state.period_end


def _price(of: Any) -> Any:
    return of.price


def test_a_subscriptions_payment_finds_its_invoice_and_order(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    ref = with_stripe.all("payment_intent")[0]["id"]
    found = payment(ref)
    assert found.invoice_ref == subscribed["latest_invoice"]
    assert found.order_uuid == subscribed["metadata"]["order"]
    assert list(Stripe().list_since(Kind.PAYMENT, LONG_AGO)) == [found]


def test_a_payment_of_somebody_elses_is_no_order_of_ours(with_stripe: World) -> None:
    intent = with_stripe.payment_intent(700, "usd")
    with_stripe.succeed(intent)
    found = payment(intent["id"])
    assert (found.order_uuid, found.invoice_ref) == ("", "")


# --- Refunds and disputes ----------------------------------------------------------------------
@pytest.fixture
def payment_ref(bought: Order, with_stripe: World) -> str:
    """The payment of the poster."""
    with_stripe.pay(bought.checkout_ref or "")
    ref: str = with_stripe.all("payment_intent")[0]["id"]
    return ref


def test_a_refund_carries_our_mark_and_happens_once(
    bought: Order, payment_ref: str, with_stripe: World
) -> None:
    asked = refund(paid(bought, payment_ref), 1000)
    first, second = (Stripe().refund(asked) for _ in range(2))
    assert first == second
    assert (first.state, first.amount, first.payment_ref) == ("succeeded", 1000, payment_ref)
    assert first.refund_uuid == str(asked.uuid)
    assert len(with_stripe.all("refund")) == 1
    assert Stripe().fetch(Kind.REFUND, first.ref) == first


@pytest.mark.parametrize("times", [1, 4], ids=["noticed by the SDK", "noticed by us"])
def test_a_refund_whose_answer_was_lost_is_made_once(
    bought: Order, payment_ref: str, with_stripe: World, times: int
) -> None:
    asked = refund(paid(bought, payment_ref), 1000)
    with_stripe.fault("/refunds", "drop", times=times)
    for _ in range(2):
        try:
            Stripe().refund(asked)
            break
        except ServiceError as error:
            assert error.kind == "retry"
    assert len(with_stripe.all("refund")) == 1


def test_a_refund_that_was_answered_with_500_is_found(
    bought: Order, payment_ref: str, with_stripe: World
) -> None:
    asked = refund(paid(bought, payment_ref), 1000)
    with_stripe.fault("/refunds", "500_after")
    assert Stripe().refund(asked).refund_uuid == str(asked.uuid)
    assert len(with_stripe.all("refund")) == 1


def test_a_refund_of_too_much_is_refused(
    bought: Order, payment_ref: str, with_stripe: World
) -> None:
    payment_row = paid(bought, payment_ref)
    Stripe().refund(refund(payment_row, 4000))
    with pytest.raises(ServiceError, match="greater than unrefunded") as failed:
        Stripe().refund(refund(payment_row, 1000))
    assert failed.value.kind == "refused"


def test_a_refund_from_the_dashboard_has_no_mark_of_ours(
    payment_ref: str, with_stripe: World
) -> None:
    with_stripe.refund_in_dashboard(payment_ref, 500)
    [found] = Stripe().list_since(Kind.REFUND, LONG_AGO)
    assert isinstance(found, RefundSnapshot)
    assert (found.refund_uuid, found.amount) == ("", 500)
    assert found.reason == "requested_by_customer"


def test_a_refund_may_take_days_and_may_come_back(
    bought: Order, payment_ref: str, with_stripe: World
) -> None:
    with_stripe.refund_status = "pending"
    made = Stripe().refund(refund(paid(bought, payment_ref), 1000))
    assert made.state == "pending"
    with_stripe.fail_refund(made.ref)
    found = Stripe().fetch(Kind.REFUND, made.ref)
    assert isinstance(found, RefundSnapshot)
    assert (found.state, found.reason) == ("failed", "expired_or_canceled_card")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("needs_response", "open"),
        ("warning_needs_response", "open"),
        ("under_review", "under_review"),
        ("warning_under_review", "under_review"),
        ("won", "won"),
        ("warning_closed", "won"),
        ("prevented", "won"),
        ("lost", "lost"),
    ],
)
def test_a_dispute_is_told_in_our_words(
    payment_ref: str, with_stripe: World, theirs: str, ours: str
) -> None:
    ref = with_stripe.dispute(payment_ref, status=theirs)["id"]
    found = Stripe().fetch(Kind.DISPUTE, ref)
    assert isinstance(found, DisputeSnapshot)
    assert (found.state, found.payment_ref, found.amount) == (ours, payment_ref, 4999)
    assert found.evidence_due is not None


# --- Cancelling --------------------------------------------------------------------------------
def test_a_page_can_be_closed_twice_and_a_paid_one_not(
    bought: Order, account: Account, with_stripe: World
) -> None:
    for _ in range(2):
        Stripe().cancel(Kind.CHECKOUT, bought.checkout_ref or "")
    assert checkout_of(bought).state == "expired"
    other = Stripe().create(order(account, offer(code="p2")), **BACK).ref
    with_stripe.pay(other)
    with pytest.raises(ServiceError) as failed:
        Stripe().cancel(Kind.CHECKOUT, other)
    assert failed.value.kind == "refused"


def test_a_subscription_can_end_at_its_periods_end_or_now_and_again(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    Stripe().cancel(Kind.SUBSCRIPTION, subscribed["id"], at_period_end=True)
    found = Stripe().fetch(Kind.SUBSCRIPTION, subscribed["id"])
    assert isinstance(found, SubscriptionSnapshot)
    assert (found.state, found.cancel_at_period_end) == ("active", True)
    for _ in range(2):
        Stripe().cancel(Kind.SUBSCRIPTION, subscribed["id"])
    Stripe().cancel(Kind.SUBSCRIPTION, subscribed["id"], at_period_end=True)
    found = Stripe().fetch(Kind.SUBSCRIPTION, subscribed["id"])
    assert isinstance(found, SubscriptionSnapshot)
    assert found.state == "canceled"
    assert found.ended_at is not None


def test_a_date_set_in_the_portal_ends_it_like_the_flag(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    with_stripe.cancel(subscribed["id"], at_period_end=True)
    assert not subscribed["cancel_at_period_end"]
    found = Stripe().fetch(Kind.SUBSCRIPTION, subscribed["id"])
    assert isinstance(found, SubscriptionSnapshot)
    assert found.cancel_at_period_end


# --- Lists -------------------------------------------------------------------------------------
def test_lists_go_on_over_the_pages_and_stop_at_the_time(with_stripe: World) -> None:
    old = with_stripe.payment_intent(600, "usd")
    old["created"] -= 86_400
    refs = [with_stripe.payment_intent(700, "usd")["id"] for _ in range(105)]
    since = datetime.now(UTC) - timedelta(hours=1)
    found = [one.ref for one in Stripe().list_since(Kind.PAYMENT, since)]
    assert found == refs[::-1]
    assert with_stripe.calls("/payment_intents") == 2


def test_every_kind_but_checkouts_can_be_listed(
    subscribed: dict[str, Any], with_stripe: World
) -> None:
    with_stripe.dispute(with_stripe.all("payment_intent")[0]["id"])
    with_stripe.cancel(subscribed["id"])
    for kind in (Kind.SUBSCRIPTION, Kind.INVOICE, Kind.DISPUTE):
        [one] = Stripe().list_since(kind, LONG_AGO)
        if kind != Kind.INVOICE:
            assert one == Stripe().fetch(kind, one.ref)
    [bill] = Stripe().list_since(Kind.INVOICE, LONG_AGO)
    assert isinstance(bill, InvoiceSnapshot)
    assert bill.payment is not None
    assert bill.payment.state == "succeeded"
    with pytest.raises(ValueError, match="not listed"):
        list(Stripe().list_since(Kind.CHECKOUT, LONG_AGO))


# --- What goes wrong ---------------------------------------------------------------------------
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("ref", ["nothing_1", "", "../account"])
def test_what_stripe_does_not_know_is_not_found(with_stripe: World, kind: Kind, ref: str) -> None:
    with pytest.raises(NotFound):
        Stripe().fetch(kind, ref)


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [("500", "retry", 500), ("429", "retry", 429), ("drop_before", "retry", 0)],
)
def test_trouble_at_stripe_is_worth_another_try(
    bought: Order, with_stripe: World, fault: str, kind: str, status: int
) -> None:
    with_stripe.fault("/checkout", fault, times=3)
    with pytest.raises(ServiceError) as failed:
        checkout_of(bought)
    assert (failed.value.kind, failed.value.status) == (kind, status)
    with_stripe.front.faults.clear()
    assert checkout_of(bought).state == "open"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Deadlines of a moment."""
    monkeypatch.setattr(connection, "READ_SECONDS", 0.2)
    connection._client.cache_clear()
    yield
    connection._client.cache_clear()


def test_a_silent_stripe_holds_us_no_longer_than_the_deadline(
    bought: Order, with_stripe: World, impatient: None
) -> None:
    with_stripe.fault("/checkout", "hang", times=3)
    with pytest.raises(ServiceError, match="in time") as failed:
        checkout_of(bought)
    assert failed.value.kind == "retry"


def test_a_wrong_key_can_be_put_right_and_is_never_shown(
    bought: Order, with_stripe: World, settings: Any
) -> None:
    settings.STRIPE_API_KEY = "sk_test_" + "9" * 24
    with pytest.raises(ServiceError) as failed:
        checkout_of(bought)
    assert (failed.value.kind, failed.value.status) == ("retry", 401)
    assert "9999" not in f"{failed.value!r}{failed.value.body}"


def test_without_a_key_nothing_is_asked(with_stripe: World, settings: Any) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(ServiceError, match="STRIPE_API_KEY") as failed:
        Stripe().fetch(Kind.PAYMENT, "pi_1")
    assert failed.value.kind == "refused"
    assert with_stripe.front.calls == []


def test_a_call_that_is_still_being_worked_on_is_worth_another_try(
    bought: Order, payment_ref: str, with_stripe: World
) -> None:
    asked = refund(paid(bought, payment_ref), 1000)
    made = Stripe().refund(asked)
    kept = with_stripe.front.kept[f"refund:{asked.uuid}"]
    kept.status = 0
    with pytest.raises(ServiceError) as failed:
        Stripe().refund(asked)
    assert (failed.value.kind, failed.value.status) == ("retry", 409)
    kept.status = 200
    assert Stripe().refund(asked) == made


def test_a_key_that_was_used_for_something_else_is_our_own_mistake(
    bought: Order, payment_ref: str, with_stripe: World
) -> None:
    asked = refund(paid(bought, payment_ref), 1000)
    Stripe().refund(asked)
    asked.amount = 2000
    assert Stripe().refund(asked).amount == 1000  # what was made, not a "no"
    with_stripe.all("refund")[0]["metadata"] = {}
    with pytest.raises(ServiceError, match="same parameters") as failed:
        Stripe().refund(asked)
    assert failed.value.kind == "refused"
    assert len(with_stripe.all("refund")) == 1


def test_a_refund_asked_for_again_after_days_is_still_one(
    bought: Order, payment_ref: str, with_stripe: World
) -> None:
    asked = refund(paid(bought, payment_ref), 1000)
    first = Stripe().refund(asked)
    with_stripe.front.kept.clear()  # Stripe keeps keys for a day or so
    asked.created_at -= timedelta(days=3)
    assert Stripe().refund(asked) == first
    assert len(with_stripe.all("refund")) == 1
