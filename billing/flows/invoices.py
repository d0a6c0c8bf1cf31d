"""Invoices and credit notes: numbered without gaps, frozen on the day they are issued."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing.flows import tax
from billing.models import Invoice, Payment, Refund, Seller

# One statement that makes the series or counts it up. Its row stays locked until the commit, so a
# payment that is rolled back gives its number back: no gaps.
DRAW = """
INSERT INTO billing_invoiceseries AS series (seller_id, kind, year, last)
VALUES (%s, %s, %s, 1)
ON CONFLICT (seller_id, kind, year) DO UPDATE SET last = series.last + 1
RETURNING last
"""
LETTERS = {Invoice.Kind.INVOICE: "", Invoice.Kind.CREDIT: "C"}


def seller() -> Seller:
    """Return who sells; the first call on an empty database makes a row for staff to fill in."""
    found = Seller.objects.filter(is_default=True).first()
    if found is not None:
        return found
    return Seller.objects.get_or_create(
        code="at", defaults={"name": "Atelier", "is_default": True}
    )[0]


def issue(payment: Payment, *, number: str = "") -> Invoice:
    """Issue the invoice of a payment in the caller's transaction; a second call returns the first.

    `number`: the provider's own, where the provider issued the invoice.
    """
    existing = Invoice.objects.filter(payment=payment).first()
    if existing is not None:
        return existing
    order, sold_by = payment.order, seller()
    net = payment.amount - payment.tax
    return Invoice.objects.create(
        seller=sold_by,
        number=number or _draw(sold_by, Invoice.Kind.INVOICE),
        issued_by=payment.gateway if number else "",
        order=order,
        payment=payment,
        currency=payment.currency,
        net=net,
        tax=payment.tax,
        total=payment.amount,
        sold_by=_frozen(sold_by),
        sold_to=order.buyer,
        lines=_lines(payment),
        tax_lines=_taxes(payment, payment.tax),
    )


def credit(refund: Refund) -> Invoice:
    """Issue the credit note of a refund that went through; a second call returns the first."""
    existing = Invoice.objects.filter(refund=refund).first()
    if existing is not None:
        return existing
    payment = refund.payment
    corrected = issue(payment)
    part = _share(payment.tax, refund, payment)
    return Invoice.objects.create(
        kind=Invoice.Kind.CREDIT,
        seller=corrected.seller,
        number=_draw(corrected.seller, Invoice.Kind.CREDIT),
        order=payment.order,
        refund=refund,
        corrects=corrected,
        currency=payment.currency,
        net=part - refund.amount,
        tax=-part,
        total=-refund.amount,
        sold_by=corrected.sold_by,
        sold_to=corrected.sold_to,
        lines=[{"name": f"Refund for invoice {corrected.number}", "amount": -refund.amount}],
        tax_lines=_taxes(payment, -part),
    )


def _draw(sold_by: Seller, kind: str) -> str:
    year = timezone.now().year
    with connection.cursor() as cursor:
        cursor.execute(DRAW, [sold_by.pk, kind, year])
        (number,) = cursor.fetchone()
    letter = LETTERS[Invoice.Kind(kind)]
    return f"{sold_by.code.upper()}-{letter}{year}-{number:06}"


def _frozen(sold_by: Seller) -> dict[str, Any]:
    return {
        "name": sold_by.name,
        "address": sold_by.address,
        "country": sold_by.country,
        "tax_id": sold_by.tax_id,
        "email": sold_by.email,
    }


def _lines(payment: Payment) -> list[dict[str, Any]]:
    """Return what was sold; a period of a subscription is one line of what was paid for it."""
    if payment.subscription is not None:
        return [{"name": payment.subscription.offer.name, "amount": payment.amount}]
    return list(payment.order.quote.get("lines", []))


def _taxes(payment: Payment, amount: int) -> list[dict[str, Any]]:
    """Return the tax lines of a payment or a part of it, whose tax is `amount`."""
    order = payment.order
    country = str(order.buyer.get("country", ""))
    lines = order.quote.get("tax_lines", [])
    if payment.subscription is not None and not settings.STRIPE_TAX:
        # The rate of today: it may have changed since the plan began.
        ships = payment.subscription.offer.ships
        lines = [asdict(line) for line in tax.inside(payment.amount, country=country, ships=ships)]
    if len(lines) == 1:
        return [{**lines[0], "amount": amount}]
    named = {"name": "Tax", "country": country, "basis_points": None}
    return [{**named, "amount": amount}] if amount else []


def _share(whole: int, refund: Refund, payment: Payment) -> int:
    """Return the refund's part of the tax; parts of one payment never add up to more than it."""
    if not payment.amount:
        return 0
    earlier = sum(
        note.refund.amount
        for note in Invoice.objects.filter(refund__payment=payment).select_related("refund")
        if note.refund is not None
    )
    upto = whole * (earlier + refund.amount) // payment.amount
    return upto - whole * earlier // payment.amount
