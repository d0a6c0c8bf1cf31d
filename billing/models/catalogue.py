"""What is for sale: offers, their versioned prices, and tax."""

import re
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing import handlers

CODE = RegexValidator(
    re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*\Z"), "Small letters, digits and single hyphens."
)
CURRENCY = RegexValidator(re.compile(r"^[A-Z]{3}\Z"), "Three capital letters, as in USD.")
COUNTRY = RegexValidator(re.compile(r"^[A-Z]{2}\Z"), "Two capital letters (ISO 3166), as in DE.")


class OfferQuerySet(models.QuerySet["Offer"]):
    """Which offers."""

    def published(self) -> Self:
        """Offers people can buy now, in the order they are shown."""
        return self.filter(published=True).select_related("price")


class Offer(models.Model):
    """One thing that can be bought. What it costs and gives stands in its current price."""

    class Kind(models.TextChoices):
        ONE_OFF = "one_off", "Once"
        SUBSCRIPTION = "subscription", "Subscription"
        TOPUP = "topup", "Top-up"
        TRIAL = "trial", "Subscription with a free trial"

    code = models.CharField(
        max_length=60,
        unique=True,
        validators=[CODE],
        help_text="Stable name for programs; part of the provider's lookup key.",
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    product = models.CharField(
        max_length=20, help_text="The area it belongs to: prompts, writing, calendars, campaigns."
    )
    family = models.CharField(
        max_length=40,
        blank=True,
        help_text="For subscriptions: an account has at most one live subscription of a family.",
    )
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    handler = models.CharField(
        max_length=60,
        blank=True,
        help_text="What a payment sets off: a name in the table FULFILMENT of the settings.",
    )
    price = models.ForeignKey(
        "Price",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="current_of",
        help_text="The live price. Without one the offer cannot be published.",
    )
    trial_days = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(365)],
        help_text="Free days before the first payment; once per account and family.",
    )
    exclusive = models.BooleanField(
        default=False,
        help_text="Each target (an asset, say) is sold once; refunding puts it back on sale.",
    )
    ships = models.BooleanField(
        default=False,
        help_text="Goods that are sent: a sale needs a tax rate for the country, even one of 0 %.",
    )
    tax_code = models.CharField(
        max_length=20, blank=True, help_text="Stripe's product tax code, for Stripe Tax."
    )
    published = models.BooleanField(default=False, help_text="People can buy it.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Order on the page.")

    objects = OfferQuerySet.as_manager()

    class Meta:
        ordering = ["product", "position", "code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(published=False) | (Q(price__isnull=False) & ~Q(handler="")),
                name="billing_published_offer_has_price_and_handler",
                violation_error_message="A published offer needs a live price and a handler.",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("subscription", "trial"), family__gt="")
                | (~Q(kind__in=("subscription", "trial")) & Q(family="")),
                name="billing_subscriptions_have_a_family",
                violation_error_message="A subscription needs a family; nothing else has one.",
            ),
            models.CheckConstraint(
                condition=Q(kind="trial", trial_days__gt=0) | (~Q(kind="trial") & Q(trial_days=0)),
                name="billing_trial_has_days",
                violation_error_message="A trial needs its days; nothing else has any.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def recurring(self) -> bool:
        """Whether it is paid again and again."""
        return self.kind in (Offer.Kind.SUBSCRIPTION, Offer.Kind.TRIAL)

    def problems(self) -> list[str]:
        """Return why the offer cannot be sold as it stands, in words for staff."""
        found = []
        if self.price is None:
            found.append("it has no live price")
        else:
            if self.price.offer_id != self.pk:
                found.append("its price belongs to another offer")
            if not self.price.is_valid():
                found.append("its price is not valid now")
            if (self.price.interval != Price.Interval.NONE) != self.recurring:
                found.append("its price's interval does not fit its kind")
        if self.handler not in handlers.names():
            found.append("its handler is not in the table FULFILMENT")
        elif self.price is not None:
            found += handlers.template_problems(self.handler, self.price.entitlement)
        return found

    def clean(self) -> None:
        """Refuse to publish what cannot be sold."""
        super().clean()
        if self.published and (found := self.problems()):
            raise ValidationError({"published": f"It cannot be published: {'; '.join(found)}."})


class Price(models.Model):
    """One version of an offer's price and of what it gives. Never changed, only replaced."""

    class Interval(models.TextChoices):
        NONE = "", "Once"
        MONTH = "month", "A month"
        YEAR = "year", "A year"

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="prices")
    version = models.PositiveSmallIntegerField(default=1, editable=False)
    amount = models.PositiveIntegerField(help_text="In minor units: 4999 is 49.99 dollars.")
    currency = models.CharField(max_length=3, default="USD", validators=[CURRENCY])
    interval = models.CharField(
        max_length=5, choices=Interval.choices, default=Interval.NONE, blank=True
    )
    includes_tax = models.BooleanField(
        default=True, help_text="Tax is inside the amount; else it is added on top."
    )
    entitlement = models.JSONField(
        default=dict,
        blank=True,
        help_text="What the buyer gets; each handler says which fields it takes.",
    )
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True, help_text="Empty: until replaced.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["offer", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["offer", "version"], name="billing_price_version"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_price_positive"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=models.F("valid_from")),
                name="billing_price_valid_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount / 100:.2f} {self.currency} (v{self.version})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Number a new version; what was sold under an old one never changes."""
        if self._state.adding and self.offer_id:
            newest = Price.objects.filter(offer=self.offer_id).aggregate(models.Max("version"))
            self.version = (newest["version__max"] or 0) + 1
        super().save(*args, **kwargs)

    @property
    def lookup_key(self) -> str:
        """The name this version has at every provider."""
        return f"{self.offer.code}-v{self.version}"

    def is_valid(self) -> bool:
        """Whether it may be charged now."""
        now = timezone.now()
        return self.valid_from <= now and (self.valid_to is None or self.valid_to > now)


class GatewayPrice(models.Model):
    """The provider's id of a price: what maps a provider's price to what it gives."""

    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="at_gateways")
    gateway = models.CharField(max_length=20)
    ref = models.CharField(max_length=255, help_text="The provider's id, price_… at Stripe.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "ref"], name="billing_gateway_price_once"),
            models.UniqueConstraint(fields=["gateway", "price"], name="billing_price_gateway_once"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway}: {self.ref}"


class TaxRate(models.Model):
    """The tax of a country, from a day on. No row means: we are not registered there."""

    country = models.CharField(max_length=2, validators=[COUNTRY], help_text="Where the buyer is.")
    name = models.CharField(max_length=40, default="VAT", help_text="As it stands on an invoice.")
    basis_points = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(10_000)], help_text="1900 is 19 %."
    )
    shipped = models.BooleanField(
        null=True, blank=True, help_text="Only for shipped goods, only for others, or (empty) both."
    )
    valid_from = models.DateField(default=timezone.localdate)
    valid_to = models.DateField(null=True, blank=True, help_text="Empty: until further notice.")

    class Meta:
        ordering = ["country", "-valid_from"]

    def __str__(self) -> str:
        return f"{self.country} {self.name} {self.basis_points / 100:g} %"


class Seller(models.Model):
    """Who sells, as it stands on invoices."""

    code = models.CharField(max_length=12, unique=True, validators=[CODE])
    name = models.CharField(max_length=120, help_text="Legal name.")
    address = models.TextField(blank=True, help_text="Postal address, as on invoices.")
    country = models.CharField(max_length=2, default="US", validators=[COUNTRY])
    tax_id = models.CharField(max_length=40, blank=True, help_text="VAT or tax number.")
    email = models.EmailField(blank=True, help_text="For questions about an invoice.")
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="billing_default_seller"
            ),
        ]

    def __str__(self) -> str:
        return self.name
