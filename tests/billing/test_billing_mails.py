"""The mails of money: amounts as people write them, and a test payment says that it is one."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import OutgoingMail
from billing import emails
from billing.flows import subscriptions
from billing.models import Offer, Order, Payment, Price, Subscription
from billing.templatetags import money
from tests.billing.conftest import play

pytestmark = pytest.mark.django_db


def mail(template: str) -> dict[str, Any]:
    row = OutgoingMail.objects.filter(template=f"billing/email/{template}").latest("pk")
    return {**row.get_content(), "subject": row.subject, "to": row.to_email}


def test_a_receipt_names_the_amount_and_the_invoice(buy: Any) -> None:
    order = buy("prompts-basic")
    got = mail("receipt")
    assert got["to"] == "owner@example.org"
    assert got["subject"] == "[Test] Your receipt: Basic key, $9.00"
    for body in (got["text"], got["html"]):
        for part in ("$9.00", order.invoices.get().number, f"/orders/{order.uuid}/",
                     "This was a test payment: no money moved."):  # fmt: skip
            assert part in body


def test_a_real_receipt_does_not_speak_of_tests(buy: Any) -> None:
    order = buy("prompts-basic")
    OutgoingMail.objects.all().delete()
    payment: Payment = order.payments.get()
    payment.gateway = "stripe"
    emails.receipt(payment, order.invoices.get())
    got = mail("receipt")
    assert "test" not in (got["subject"] + got["text"] + got["html"]).lower().replace("latest", "")


def test_the_receipt_of_a_plan_says_until_when_it_is_paid(
    buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-pro-monthly")
    first = order.subscription.period_end
    assert f"Paid until: {first:%-d %B %Y}" in mail("receipt")["text"]
    play(order, "renew", django_capture_on_commit_callbacks)
    later = Subscription.objects.get().period_end
    assert later is not None and later > first
    renewed = mail("receipt")
    assert f"Paid until: {later:%-d %B %Y}" in renewed["text"]
    assert f"{later:%-d %B %Y}" in renewed["html"]


def test_a_refund_is_told_with_its_credit_note(
    buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(buy("prompts-basic"), "refund", django_capture_on_commit_callbacks)
    got = mail("refunded")
    assert got["subject"] == "[Test] $9.00 go back to you"
    for body in (got["text"], got["html"]):
        assert order.invoices.get(kind="credit").number in body


def test_a_failed_payment_says_that_nothing_was_charged(
    place: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(place("prompts-basic"), "decline", django_capture_on_commit_callbacks)
    got = mail("payment_failed")
    for body in (got["text"], got["html"]):
        assert "Nothing was charged" in body and f"/orders/{order.uuid}/" in body
        assert "The bank said:" in body


def test_a_failed_renewal_is_told_four_times_and_the_last_says_it_has_ended(
    buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-pro-monthly")
    play(order, "fail_renewal", django_capture_on_commit_callbacks)
    until = f"{Subscription.objects.get().grace_until:%-d %B %Y}"
    first = mail("renewal_failed")
    assert "did not go through" in first["subject"]
    for body in (first["text"], first["html"]):
        assert until in body and "$50.00 a month" in body and "/account/plans/" in body
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        subscriptions.remind()
    assert "still not paid" in mail("renewal_failed")["subject"]
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        subscriptions.remind()
    assert mail("renewal_ended")["subject"] == "[Test] Writing Pro, monthly has ended"


def test_a_name_in_a_mail_is_text(buy: Any) -> None:
    order = buy("prompts-basic")
    OutgoingMail.objects.all().delete()
    Order.objects.update(quote={**order.quote, "name": "<b>Bold</b> & more"})
    emails.receipt(Payment.objects.get(), order.invoices.get())
    got = mail("receipt")
    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; more" in got["html"]
    assert "<b>Bold</b> & more" in got["text"] and "<b>Bold</b> & more" in got["subject"]


# --- How money is written ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (4999, "USD", "$49.99"),
        (-100, "USD", "−$1.00"),
        (0, "EUR", "€0.00"),
        (123456789, "GBP", "£1,234,567.89"),
        (500, "JPY", "¥500"),
        (4999, "SEK", "49.99 SEK"),
        (1000, "KRW", "1,000 KRW"),
        (1234, "KWD", "1.234 KWD"),
    ],
)
def test_money_is_written_from_its_smallest_unit(amount: int, currency: str, text: str) -> None:
    assert money.money(amount, currency) == text


@pytest.mark.parametrize(
    ("hundredths", "text"), [(150, "1.5"), (150000, "1,500"), (0, "0"), (-1, "−0.01"), (10, "0.1")]
)
def test_coins_are_written_without_useless_zeros(hundredths: int, text: str) -> None:
    assert money.coins(hundredths) == text


@pytest.mark.parametrize(
    ("amount", "coins", "text"),
    [(2000, 500, "$0.04"), (5000, 1500, "$0.033"), (100, 10, "$0.10"), (15000, 5000, "$0.03")],
)
def test_the_price_of_a_coin_has_a_third_digit_only_where_it_says_something(
    amount: int, coins: int, text: str
) -> None:
    offer = Offer(price=Price(amount=amount, currency="USD", entitlement={"coins": coins}))
    assert money.per_coin(offer) == text


@pytest.mark.parametrize(("points", "text"), [(1900, "19 %"), (770, "7.7 %"), (None, "")])
def test_a_tax_rate_is_written_in_per_cent(points: int | None, text: str) -> None:
    assert money.percent(points) == text
