"""Handlers of paid orders that the tests put into FULFILMENT."""

import uuid

from billing.models import Fulfilment, Order

done: list[str] = []
faults: list[str] = []


def broken(fulfilment: Fulfilment) -> None:
    """Fail."""
    raise RuntimeError("broken on purpose")


def deliver(fulfilment: Fulfilment) -> None:
    """Write down that it was delivered, in the order's note; then fail if told so."""
    Order.objects.filter(pk=fulfilment.order_id).update(note="delivered")
    if "lease" in faults:  # another worker took over meanwhile
        Fulfilment.objects.filter(pk=fulfilment.pk).update(lease_token=uuid.uuid4())
    if "deliver" in faults:
        raise RuntimeError("broken on purpose")
    done.append("deliver")


def take_back(fulfilment: Fulfilment) -> None:
    """Write down that it was taken back."""
    done.append("take back")
