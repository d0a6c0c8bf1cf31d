"""A product that is delivered by a task: it writes into the order's note, once more at each run."""

from django.db.models import F, Value
from django.db.models.functions import Concat

from billing.models import Fulfilment, Order


def fulfil(fulfilment: Fulfilment) -> None:
    """Deliver. Not harmless to repeat, so that a second time is seen."""
    _add(fulfilment, "delivered.")


def withdraw(fulfilment: Fulfilment) -> None:
    """Take back."""
    _add(fulfilment, "withdrawn.")


def _add(fulfilment: Fulfilment, words: str) -> None:
    rows = Order.objects.filter(pk=fulfilment.order_id)
    rows.update(note=Concat(F("note"), Value(words)))
