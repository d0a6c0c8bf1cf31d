"""Invoices have numbers without gaps and say for ever what they said on the first day."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from billing.flows import invoices, refunds
from billing.models import Invoice, Payment, Seller, TaxRate
from tests.billing.conftest import Buy

pytestmark = pytest.mark.django_db


def test_numbers_follow_one_another(buy: Buy) -> None:
    for _ in range(3):
        buy("writing-topup-10")
    year = timezone.now().year
    numbers = list(Invoice.objects.order_by("pk").values_list("number", flat=True))
    assert numbers == [f"AT-{year}-{n:06}" for n in (1, 2, 3)]


def test_a_payment_that_is_rolled_back_gives_its_number_back(buy: Buy) -> None:
    buy("writing-topup-10")
    first = Invoice.objects.get()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        invoices._draw(first.seller, Invoice.Kind.INVOICE)
        raise ZeroDivisionError
    buy("writing-topup-10")
    assert [row.number[-6:] for row in Invoice.objects.order_by("pk")] == ["000001", "000002"]


def test_credit_notes_have_a_series_of_their_own(
    buy: Buy, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    buy("writing-topup-10")
    with django_capture_on_commit_callbacks(execute=True):
        refunds.request(Payment.objects.get(), 40, actor=staff, reason="Part")
    note = Invoice.objects.get(kind="credit")
    assert note.number == f"AT-C{timezone.now().year}-000001"
    assert (note.net, note.tax, note.total) == (-40, 0, -40)


def test_the_taxes_of_partial_refunds_add_up_to_the_tax_paid(
    buy: Buy, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    TaxRate.objects.create(country="US", basis_points=1900)
    buy("writing-topup-10")
    for amount in (33, 33, 34):
        with django_capture_on_commit_callbacks(execute=True):
            refunds.request(Payment.objects.get(), amount, actor=staff, reason="Part")
    paid = Invoice.objects.get(kind="invoice")
    notes = Invoice.objects.filter(kind="credit")
    assert sum(note.tax for note in notes) == -paid.tax
    assert sum(note.total for note in notes) == -paid.total


def test_what_changes_later_changes_no_invoice(buy: Buy) -> None:
    order = buy("writing-topup-10")
    Seller.objects.update(name="Renamed Ltd", address="Elsewhere 1")
    order.refresh_from_db()
    order.buyer = {"email": "new@example.org"}
    order.save()
    invoice = Invoice.objects.get()
    assert invoice.sold_by["name"] == "Atelier"
    assert invoice.sold_to["email"] == "owner@example.org"


def test_a_number_is_never_given_twice(buy: Buy) -> None:
    buy("writing-topup-10")
    row = Invoice.objects.get()
    row.pk, row.payment = None, None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_asking_again_returns_the_first_invoice(buy: Buy) -> None:
    buy("writing-topup-10")
    assert invoices.issue(Payment.objects.get()) == Invoice.objects.get()
