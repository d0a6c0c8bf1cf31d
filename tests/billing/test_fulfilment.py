"""What was paid is delivered once; what was paid back is taken back once, in either order."""

from typing import Any

import pytest

from accounts.models import AuditEntry, User
from billing.errors import BillingError
from billing.flows import fulfilment
from billing.models import Fulfilment, Offer, Order, Payment
from common.jobs import JobState
from tests.billing import handlers
from tests.billing.conftest import Buy

pytestmark = pytest.mark.django_db

SHOP = {
    "fulfil": "tests.billing.handlers.deliver",
    "withdraw": "tests.billing.handlers.take_back",
}


@pytest.fixture
def shop(offers: dict[str, Offer], settings: Any) -> list[str]:
    """A product whose handler writes down what it did; the offers of plans lead to it."""
    settings.FULFILMENT = {**settings.FULFILMENT, "shop": SHOP}
    Offer.objects.filter(code="writing-topup-10").update(handler="shop")
    offers["writing-topup-10"].refresh_from_db()
    handlers.done.clear()
    handlers.faults.clear()
    return handlers.done


def take_back(order: Order, part: int = 100) -> Fulfilment:
    delivered = order.fulfilments.get(verb="fulfil")
    return fulfilment.take_back(
        delivered, key=f"refund:{part}", cause="refund", part=part, whole=100
    )


def test_a_product_s_handler_runs_in_a_task_after_the_payment(buy: Buy, shop: list[str]) -> None:
    buy("writing-topup-10")
    assert shop == ["deliver"]
    row = Fulfilment.objects.get()
    assert (row.state, row.attempts) == (JobState.SUCCEEDED, 1)
    fulfilment.run(row.pk)
    assert shop == ["deliver"]


def test_what_a_failed_handler_wrote_is_not_kept_and_staff_can_try_again(
    buy: Buy, shop: list[str], staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    handlers.faults.append("deliver")
    order = buy("writing-topup-10")
    row = Fulfilment.objects.get()
    order.refresh_from_db()
    assert (row.state, order.state, order.note) == (JobState.FAILED, "paid", "")
    assert "broken on purpose" in row.error
    assert order in Order.objects.needing_attention()
    handlers.faults.clear()
    with django_capture_on_commit_callbacks(execute=True):
        fulfilment.retry(row, actor=staff, reason="Mended")
    row.refresh_from_db()
    order.refresh_from_db()
    assert (row.state, order.note) == (JobState.SUCCEEDED, "delivered")
    assert AuditEntry.objects.get().action == "billing.retry_fulfilment"
    with pytest.raises(BillingError):
        fulfilment.retry(row, actor=staff, reason="Again")


def test_the_same_cause_is_delivered_once(buy: Buy, shop: list[str]) -> None:
    order = buy("writing-topup-10")
    for _ in range(3):
        fulfilment.deliver(
            order, key=f"order:{order.uuid}", payment=Payment.objects.get(), entitlement={}
        )
    assert Fulfilment.objects.count() == 1


def test_what_is_paid_back_before_it_was_delivered_never_is(
    buy: Buy, shop: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    handlers.faults.append("deliver")
    order = buy("writing-topup-10")
    handlers.faults.clear()
    with django_capture_on_commit_callbacks(execute=True):
        take_back(order)
    assert shop == []
    states = dict(Fulfilment.objects.values_list("verb", "state"))
    assert states == {"fulfil": JobState.CANCELLED, "withdraw": JobState.SUCCEEDED}


def test_a_part_is_taken_back_only_after_the_delivery(
    buy: Buy, shop: list[str], staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    handlers.faults.append("deliver")
    order = buy("writing-topup-10")
    handlers.faults.clear()
    with django_capture_on_commit_callbacks(execute=True):
        row = take_back(order, part=40)
    row.refresh_from_db()
    assert (row.state, shop) == (JobState.QUEUED, [])
    with django_capture_on_commit_callbacks(execute=True):
        fulfilment.retry(order.fulfilments.get(verb="fulfil"), actor=staff, reason="Mended")
    Fulfilment.objects.filter(pk=row.pk).update(run_after=row.created_at)
    fulfilment.run(row.pk)
    assert shop == ["deliver", "take back"]


def test_a_worker_that_lost_its_lease_writes_nothing(buy: Buy, shop: list[str]) -> None:
    order = buy("writing-topup-10")
    Order.objects.filter(pk=order.pk).update(note="")
    Fulfilment.objects.update(state=JobState.QUEUED)
    handlers.faults.append("lease")
    fulfilment.run(Fulfilment.objects.get().pk)
    order.refresh_from_db()
    assert order.note == ""
