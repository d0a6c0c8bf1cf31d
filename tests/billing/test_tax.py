"""Tax is a line of its own: inside the price or on top, and never silently nothing."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import BillingError
from billing.flows import tax
from billing.models import Offer, Price, TaxRate

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer(db: None) -> Offer:
    row = Offer.objects.create(code="thing", kind="one_off", product="calendars", name="Thing")
    row.price = Price.objects.create(offer=row, amount=1190, currency="EUR")
    row.save()
    return row


def test_tax_inside_the_price(offer: Offer) -> None:
    TaxRate.objects.create(country="DE", basis_points=1900)
    found = tax.quote(offer, country="DE")
    assert (found.net, found.tax, found.total) == (1000, 190, 1190)
    assert found.tax_lines == (tax.TaxLine("VAT", "DE", 1900, 190),)


def test_tax_on_top_of_the_price(offer: Offer) -> None:
    TaxRate.objects.create(country="DE", basis_points=1900)
    Price.objects.update(includes_tax=False)
    offer.refresh_from_db()
    found = tax.quote(offer, country="DE")
    assert (found.net, found.tax, found.total) == (1190, 226, 1416)


def test_a_country_we_are_not_registered_in_has_no_tax(offer: Offer) -> None:
    found = tax.quote(offer, country="FR")
    assert (found.net, found.tax, found.total, found.tax_lines) == (1190, 0, 1190, ())


def test_goods_that_are_sent_need_a_rate_even_if_it_is_nothing(offer: Offer) -> None:
    offer.ships = True
    with pytest.raises(BillingError, match="can't send"):
        tax.quote(offer, country="FR")
    TaxRate.objects.create(country="FR", basis_points=0)
    assert tax.quote(offer, country="FR").tax == 0


def test_the_rate_of_the_day_and_of_the_kind_of_goods_counts(offer: Offer) -> None:
    today = date.today()
    rates = TaxRate.objects
    rates.create(country="DE", basis_points=1600, valid_to=today - timedelta(days=1))
    rates.create(country="DE", basis_points=1900, valid_from=today - timedelta(days=5))
    rates.create(country="DE", basis_points=700, shipped=True)
    rates.create(country="DE", basis_points=2100, valid_from=today + timedelta(days=1))
    assert tax.quote(offer, country="DE").tax_lines[0].basis_points == 1900
    offer.ships = True
    assert tax.quote(offer, country="DE").tax_lines[0].basis_points == 700


def test_shipping_is_taxed_with_the_rest(offer: Offer) -> None:
    TaxRate.objects.create(country="DE", basis_points=1900)
    found = tax.quote(offer, country="DE", extra=[tax.Line("Shipping", 595)])
    assert (found.total, found.tax) == (1785, 285)
    assert [line["name"] for line in found.as_json()["lines"]] == ["Thing", "Shipping"]


@given(st.integers(1, 10**9), st.integers(0, 10_000))
def test_net_and_tax_always_add_up_and_the_rounding_is_half_up(amount: int, rate: int) -> None:
    inside = tax.tax_in(amount, rate, included=True)
    assert 0 <= inside <= amount
    assert abs(inside * (10_000 + rate) - amount * rate) * 2 <= 10_000 + rate
    on_top = tax.tax_in(amount, rate, included=False)
    assert abs(on_top * 10_000 - amount * rate) * 2 <= 10_000
