"""A plan that was cancelled while its payment was overdue: nobody is told to pay for it."""

from datetime import timedelta
from typing import Any

import time_machine
from django.utils import timezone

from accounts.models import OutgoingMail
from billing.flows import events, subscriptions
from billing.gateways.contract import Kind
from billing.models import Order, SandboxObject, Subscription
from tests.billing.conftest import Buy, play
from tests.fakes.stripe import World, with_stripe

__all__ = ["with_stripe"]


def warned() -> int:
    """Return how many mails were written about a late payment."""
    return OutgoingMail.objects.filter(template__startswith="billing/email/renewal_").count()


def begun(world: World, place: Buy) -> Order:
    """Buy a plan."""
    order = place("writing-lite-monthly")
    world.pay(order.checkout_ref or "")
    events.apply("stripe", Kind.CHECKOUT, order.checkout_ref or "")
    return order


def test_a_plan_cancelled_while_it_was_overdue_is_not_warned_about_any_more(
    with_stripe: World, place: Buy
) -> None:
    begun(with_stripe, place)
    row = Subscription.objects.get()
    bill = with_stripe.renew(row.ref, paid=False)
    events.apply("stripe", Kind.INVOICE, bill["id"])
    assert warned() == 1
    with_stripe.cancel(row.ref)
    events.apply("stripe", Kind.SUBSCRIPTION, row.ref)
    for days in (4, 8, 15):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            subscriptions.remind()
    assert warned() == 1


def test_a_failed_renewal_heard_of_after_the_plan_was_cancelled_warns_nobody(
    with_stripe: World, place: Buy
) -> None:
    begun(with_stripe, place)
    row = Subscription.objects.get()
    bill = with_stripe.renew(row.ref, paid=False)
    with_stripe.cancel(row.ref)
    events.apply("stripe", Kind.SUBSCRIPTION, row.ref)
    events.apply("stripe", Kind.INVOICE, bill["id"])
    assert warned() == 0


def test_the_fee_of_a_plan_is_written_down_though_nobody_lived_to_do_it_at_once(
    with_stripe: World, place: Buy
) -> None:
    begun(with_stripe, place)
    bought: Any = Subscription.objects.get()
    bill = with_stripe.renew(bought.ref)
    events.apply("stripe", Kind.INVOICE, bill["id"])
    costs = bought.order.costs.all()
    before = costs.count()
    costs.order_by("-pk")[0].delete()  # the worker died between the payment and its fee
    events.apply("stripe", Kind.INVOICE, bill["id"])
    assert costs.count() == before


def test_a_plan_the_provider_gave_up_is_told_at_once_that_it_has_ended(
    buy: Buy, django_capture_on_commit_callbacks: Any
) -> None:
    order = buy("writing-lite-monthly")
    play(order, "fail_renewal", django_capture_on_commit_callbacks)
    books = SandboxObject.objects.get(kind="subscription")
    books.data["state"] = "unpaid"
    books.save()
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            events.apply("sandbox", Kind.SUBSCRIPTION, books.ref)
            subscriptions.remind()
    sent = OutgoingMail.objects.filter(template__startswith="billing/email/renewal")
    assert [mail.template.rpartition("/")[2] for mail in sent.order_by("pk")] == [
        "renewal_failed",
        "renewal_ended",
    ]
