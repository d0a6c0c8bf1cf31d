"""How money, coins and what is paid for are written. Nothing here asks the database."""

from decimal import Decimal
from typing import Final

from django import template

from billing.features import FEATURES
from billing.forms import COUNTRIES
from billing.models import Offer, Order

register = template.Library()

SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
# Currencies whose smallest unit is not a hundredth (ISO 4217, as payment providers count them).
WHOLE: Final = (
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
THOUSANDTHS: Final = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
EVERY: Final = {"month": "a month", "year": "a year"}


def decimals(currency: str) -> int:
    """Return how many digits stand behind the point."""
    return 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2


@register.filter
def money(amount: int, currency: str) -> str:
    """Write minor units: 4999 USD is $49.99, 500 JPY is ¥500, 4999 SEK is 49.99 SEK."""
    places = decimals(currency)
    return _with_sign(Decimal(amount).scaleb(-places), currency, places)


@register.filter
def minus(amount: int) -> int:
    """Turn the sign around: a refund is money that leaves."""
    return -amount


def _with_sign(value: Decimal, currency: str, places: int) -> str:
    sign = "−" if value < 0 else ""
    text = f"{abs(value):,.{places}f}"
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{text}" if symbol else f"{sign}{text} {currency}"


@register.filter
def coins(hundredths: int) -> str:
    """Write hundredths of a coin: 150 is 1.5, 150000 is 1,500."""
    text = f"{Decimal(hundredths).scaleb(-2):,.2f}"
    return text.rstrip("0").rstrip(".").replace("-", "−")


@register.filter
def change(hundredths: int) -> str:
    """Write a change of coins with its sign: +10, −2.5."""
    return f"+{coins(hundredths)}" if hundredths > 0 else coins(hundredths)


@register.filter
def price(offer: Offer) -> str:
    """Write what an offer costs: $49.99 a month, $9.00."""
    if offer.price is None:
        return ""
    text = money(offer.price.amount, offer.price.currency)
    every = EVERY.get(offer.price.interval)
    return f"{text} {every}" if every else text


@register.filter
def every(interval: str) -> str:
    """Write how often something is paid: a month, a year, or nothing for once."""
    return EVERY.get(interval, "")


@register.filter
def per_coin(offer: Offer) -> str:
    """Write what one Ku coin of an offer costs; empty where it gives none."""
    given = offer.price.entitlement.get("coins") if offer.price else None
    if not given or offer.price is None:
        return ""
    currency, places = offer.price.currency, decimals(offer.price.currency)
    each = (Decimal(offer.price.amount).scaleb(-places) / Decimal(given)).quantize(
        Decimal(1).scaleb(-places - 1)
    )
    # A third digit only where it says something: $0.04, but $0.033.
    short = each == each.quantize(Decimal(1).scaleb(-places))
    return _with_sign(each, currency, places if short else places + 1)


@register.filter
def percent(basis_points: int | None) -> str:
    """Write a tax rate: 1900 is 19 %."""
    return "" if basis_points is None else f"{Decimal(basis_points) / 100:f} %".replace(".00 ", " ")


@register.filter
def country(code: str) -> str:
    """Name a country."""
    return COUNTRIES.get(code, code)


@register.filter
def feature(code: str) -> str:
    """Name what a plan gives."""
    return FEATURES[code].name if code in FEATURES else code


@register.filter
def bought(order: Order) -> str:
    """Name what an order is for, as it was called when it was made."""
    return str(order.quote.get("name") or order.offer.name)
