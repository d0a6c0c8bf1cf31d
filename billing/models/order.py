"""Orders and the buyer's id at a provider."""

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import Account, OwnedQuerySet
from billing.models.catalogue import CURRENCY, Offer, Price
from billing.models.moving import Moving


class OrderState(models.TextChoices):
    """Where an order stands."""

    DRAFT = "draft", "Begun"
    OPEN = "open", "Waiting for payment"
    PROCESSING = "processing", "Payment on its way"
    PAID = "paid", "Paid"
    CONFLICT = "conflict", "Paid, but sold already"
    EXPIRED = "expired", "Not paid in time"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Payment failed"
    PARTLY_REFUNDED = "partly_refunded", "Partly refunded"
    REFUNDED = "refunded", "Refunded"
    CHARGED_BACK = "charged_back", "Charged back"


PAGE_SALT, LOOK_SALT = "billing.order", "billing.order.look"
# An exclusive target belongs to whoever is paying for it or has paid.
HOLDING = ("draft", "open", "processing", "paid", "partly_refunded")


class OrderQuerySet(OwnedQuerySet):
    """Which orders."""

    def awaiting_payment(self) -> Self:
        """Orders the provider may still report a payment for soon."""
        return self.filter(state__in=(OrderState.DRAFT, OrderState.OPEN, OrderState.PROCESSING))

    def needing_attention(self) -> Self:
        """Orders a person should look at: paid for nothing, or paid and not delivered."""
        return self.filter(
            Q(state=OrderState.CONFLICT) | Q(fulfilments__state__in=("failed", "unsure"))
        ).distinct()


class Order(Moving):
    """Somebody buys one offer at one price. Frozen when made: later prices change nothing."""

    moves: ClassVar[str] = "order"
    State: ClassVar = OrderState

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="orders")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="orders")
    target = models.CharField(
        max_length=120, blank=True, help_text="What it is for, in the product's own words."
    )
    exclusive = models.BooleanField(default=False, editable=False)
    state = models.CharField(max_length=16, choices=OrderState.choices, default=OrderState.DRAFT)
    currency = models.CharField(max_length=3, validators=[CURRENCY])
    net = models.PositiveIntegerField(help_text="Minor units, without tax.")
    tax = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(help_text="What is charged, with tax.")
    quote = models.JSONField(
        default=dict, help_text="Lines as shown to the buyer: name, amounts, tax, trial."
    )
    buyer = models.JSONField(default=dict, help_text="email, name, address, country.")
    gateway = models.CharField(max_length=20, blank=True)
    # NULL until the provider knows it: several orders may have none.
    checkout_ref = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    checkout_url = models.TextField(blank=True)
    checkout_expires_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(
        default=1, help_text="Part of the idempotency key towards the provider."
    )
    idempotency_key = models.CharField(
        max_length=80, help_text="The form or request it came from; sent twice is one order."
    )
    note = models.TextField(blank=True, help_text="Why a person should look at it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    paid_at = models.DateTimeField(null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "idempotency_key"], name="billing_order_once"
            ),
            models.UniqueConstraint(
                fields=["gateway", "checkout_ref"], name="billing_checkout_once"
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(exclusive=True, state__in=HOLDING),
                name="billing_exclusive_target_once",
            ),
            models.CheckConstraint(
                condition=Q(total=models.F("net") + models.F("tax")), name="billing_order_adds_up"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "created_at"], name="billing_order_state"),
        ]

    def __str__(self) -> str:
        return f"Order {self.number}"

    @property
    def number(self) -> str:
        """The short name people use for it."""
        return str(self.uuid)[:8].upper()

    @property
    def page_key(self) -> str:
        """What the way back from the payment page carries: its browser may act on the order."""
        return signing.Signer(salt=PAGE_SALT).signature(str(self.uuid))

    @property
    def look_key(self) -> str:
        """What a link in a mail carries: it shows the order, as mails are passed on."""
        return signing.Signer(salt=LOOK_SALT).signature(str(self.uuid))

    def opened_by(self, key: str) -> str:
        """Return what a link's key lets its browser do: "act", "look", or nothing."""
        if constant_time_compare(key, self.page_key):
            return "act"
        return "look" if constant_time_compare(key, self.look_key) else ""


class Customer(models.Model):
    """An account's id at a provider."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="customers")
    gateway = models.CharField(max_length=20)
    ref = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "ref"], name="billing_customer_once"),
            models.UniqueConstraint(
                fields=["gateway", "account"], name="billing_account_customer_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway}: {self.ref}"
