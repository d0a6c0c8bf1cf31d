"""Invoices and credit notes: numbered without gaps, frozen when issued."""

from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import OwnedQuerySet
from billing.models.catalogue import Seller
from billing.models.order import Order
from billing.models.payment import Payment, Refund


class InvoiceSeries(models.Model):
    """The last number drawn in a series of a seller and year."""

    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="series")
    kind = models.CharField(max_length=8)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["seller", "kind", "year"], name="billing_series_once"),
        ]

    def __str__(self) -> str:
        return f"{self.seller} {self.kind} {self.year}: {self.last}"


class InvoiceQuerySet(OwnedQuerySet):
    """Which invoices."""

    def visible_to(self, user: Any) -> "InvoiceQuerySet":
        """Invoices of orders the user may see."""
        return self.filter(order__in=Order.objects.visible_to(user))


class Invoice(models.Model):
    """An invoice or a credit note. Seller, buyer, lines and tax are copies of that day."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice"
        CREDIT = "credit", "Credit note"

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.INVOICE)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(
        max_length=60, help_text="Ours, or the provider's where it issued it."
    )
    issued_by = models.CharField(
        max_length=20, blank=True, help_text="The provider that issued it; empty: we did."
    )
    issued_at = models.DateTimeField(default=timezone.now)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="invoices")
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="invoice"
    )
    refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="credit_note"
    )
    corrects = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="credit_notes"
    )
    currency = models.CharField(max_length=3)
    net = models.IntegerField(help_text="Minor units; negative on a credit note.")
    tax = models.IntegerField()
    total = models.IntegerField()
    sold_by = models.JSONField(default=dict)
    sold_to = models.JSONField(default=dict)
    lines = models.JSONField(default=list)
    tax_lines = models.JSONField(default=list)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering = ["-issued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "issued_by", "number"], name="billing_invoice_number_once"
            ),
            models.CheckConstraint(
                condition=models.Q(total=models.F("net") + models.F("tax")),
                name="billing_invoice_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return self.number
