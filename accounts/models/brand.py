"""The names this installation appears under."""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

COLOUR = RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write a colour as # and six digits, like #eda33f.")


class Brand(models.Model):
    """A name, a look and a sender. A page takes the brand of its host, else of its product."""

    code = models.SlugField(unique=True, help_text="Used in addresses and settings. Never changes.")
    product = models.SlugField(
        blank=True,
        help_text="The product whose pages wear this brand where no host says otherwise.",
    )
    name = models.CharField(max_length=80)
    tagline = models.CharField(max_length=160, blank=True)
    logo = models.FileField(
        upload_to="brands/", blank=True, help_text="PNG or WebP. Without one, the name is shown."
    )
    accent = models.CharField(
        max_length=7, default="#eda33f", validators=[COLOUR], help_text="Buttons in mails."
    )
    ink = models.CharField(
        max_length=7,
        default="#1c1303",
        validators=[COLOUR],
        help_text="The words on those buttons.",
    )
    sender_name = models.CharField(max_length=80, blank=True)
    sender_email = models.EmailField(blank=True, help_text="Empty: the sender from the settings.")
    postal_address = models.TextField(
        blank=True, help_text="Stands in the footer of marketing mails."
    )
    is_default = models.BooleanField(
        default=False, help_text="Worn where neither host nor product names a brand."
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="accounts_one_default_brand",
            ),
            models.UniqueConstraint(
                fields=["product"],
                condition=~models.Q(product=""),
                name="accounts_one_brand_per_product",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse logos that a browser might run."""
        if self.logo and not str(self.logo.name).lower().endswith((".png", ".webp")):
            raise ValidationError({"logo": "Use a PNG or WebP file."})


class BrandHost(models.Model):
    """A host name that belongs to a brand."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="hosts")
    host = models.CharField(
        max_length=253,
        unique=True,
        help_text="Without port, like art.example.org. It must also stand in ALLOWED_HOSTS.",
    )

    def __str__(self) -> str:
        return self.host


class LegalText(models.Model):
    """A version of a brand's legal text. A published version never changes."""

    class Kind(models.TextChoices):
        TERMS = "terms", "Terms"
        PRIVACY = "privacy", "Privacy"
        REFUND = "refund", "Refunds"
        DELIVERY = "delivery", "Delivery"
        IMPRINT = "imprint", "Contact and imprint"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="legal_texts")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    version = models.PositiveIntegerField(default=1)
    text = models.TextField(help_text="Plain text or Markdown.")
    published_at = models.DateTimeField(null=True, blank=True, help_text="Empty: a draft.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["brand", "kind", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "kind", "version"], name="accounts_legal_version_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.version} of {self.brand}"
