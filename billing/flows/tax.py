"""Tax: a line of its own on every quote, order and invoice."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from billing.errors import BillingError
from billing.models import Offer, Price, TaxRate


@dataclass(frozen=True)
class Line:
    """What is sold, or sent with it: a name and an amount in minor units, as the price is meant."""

    name: str
    amount: int


@dataclass(frozen=True)
class TaxLine:
    """One tax: 1900 basis points are 19 %."""

    name: str
    country: str
    basis_points: int
    amount: int


@dataclass(frozen=True)
class Quote:
    """What an offer costs a buyer in a country, in minor units."""

    offer: Offer
    price: Price
    country: str
    lines: tuple[Line, ...]
    tax_lines: tuple[TaxLine, ...]
    net: int
    tax: int
    total: int
    trial_days: int

    def as_json(self) -> dict[str, Any]:
        """Return what an order keeps of it."""
        return {
            "name": self.offer.name,
            "kind": self.offer.kind,
            "interval": self.price.interval,
            "includes_tax": self.price.includes_tax,
            "trial_days": self.trial_days,
            "lines": [asdict(line) for line in self.lines],
            "tax_lines": [asdict(line) for line in self.tax_lines],
        }


def quote(
    offer: Offer, *, country: str = "", extra: Sequence[Line] = (), trial_days: int = 0
) -> Quote:
    """Work out what an offer costs where the buyer is.

    A country without a rate is one we are not registered in: no tax, and the quote says so. With
    Stripe Tax the quote has no tax at all: Stripe adds or splits it at the checkout. Raises
    BillingError `no_price`, and `tax_unknown` for goods that are sent to a country without a rate.
    """
    price = offer.price
    if price is None:
        raise BillingError("no_price", "This has no price at the moment.")
    lines = (Line(offer.name, price.amount), *extra)
    amount = sum(line.amount for line in lines)
    rate = None if settings.STRIPE_TAX else _rate(country, ships=offer.ships)
    if rate is None and offer.ships and not settings.STRIPE_TAX:
        raise BillingError("tax_unknown", "We can't send this to that country yet.")
    tax = tax_in(amount, rate.basis_points, included=price.includes_tax) if rate else 0
    total = amount if price.includes_tax else amount + tax
    tax_lines = (TaxLine(rate.name, country, rate.basis_points, tax),) if rate else ()
    return Quote(offer, price, country, lines, tax_lines, total - tax, tax, total, trial_days)


def inside(amount: int, *, country: str, ships: bool) -> tuple[TaxLine, ...]:
    """Return the tax inside an amount that was paid from a country today."""
    rate = _rate(country, ships=ships)
    if rate is None:
        return ()
    part = tax_in(amount, rate.basis_points, included=True)
    return (TaxLine(rate.name, country, rate.basis_points, part),)


def tax_in(amount: int, basis_points: int, *, included: bool) -> int:
    """Return the tax of an amount in minor units, rounded half up: inside it, or on top."""
    whole = 10_000 + basis_points if included else 10_000
    return (2 * amount * basis_points + whole) // (2 * whole)


def _rate(country: str, *, ships: bool) -> TaxRate | None:
    """Find the rate of a country today; one made for just this kind of goods goes first."""
    today = timezone.localdate()
    rates = TaxRate.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=today),
        Q(shipped__isnull=True) | Q(shipped=ships),
        country=country,
        valid_from__lte=today,
    )
    return rates.order_by(F("shipped").asc(nulls_last=True), "-valid_from", "-pk").first()
