"""Who owns, buys and is metered, and who may act for it."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.address import AddressField


class OwnedQuerySet(models.QuerySet):
    """Rows with a foreign key `account`."""

    def visible_to(self, user: Any) -> Self:
        """Rows of the accounts this user is a member of; none for a stranger."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(account__in=Account.objects.visible_to(user))

    def manageable_by(self, user: Any) -> Self:
        """Rows of the accounts this user may change things of."""
        return self.filter(account__in=Account.objects.manageable_by(user))


class AccountQuerySet(models.QuerySet["Account"]):
    """Which accounts."""

    def visible_to(self, user: Any) -> Self:
        """Accounts this user is a member of; none for a stranger."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(pk__in=Membership.objects.filter(user=user).values("account"))

    def manageable_by(self, user: Any) -> Self:
        """Accounts in which this user is owner or admin."""
        if not user.is_authenticated:
            return self.none()
        managed = Membership.objects.filter(user=user, role__in=(Role.OWNER, Role.ADMIN))
        return self.filter(pk__in=managed.values("account"))

    def owned_only_by(self, user: Any) -> Self:
        """Accounts this user owns and no other active person does."""
        owners = Membership.objects.filter(role=Role.OWNER)
        others = owners.exclude(user=user).filter(user__is_active=True)
        return self.filter(pk__in=owners.filter(user=user).values("account")).exclude(
            pk__in=others.values("account")
        )

    def personal_of(self, user: Any) -> "Account | None":
        """The account that sign-up made for this user."""
        return self.filter(
            kind=Account.Kind.PERSONAL, memberships__user=user, memberships__role=Role.OWNER
        ).first()

    def unclaimed(self, email: str) -> Self:
        """Guest accounts with this address that nobody has claimed yet."""
        return self.filter(kind=Account.Kind.GUEST, claimed_at__isnull=True, email=email)


class Account(models.Model):
    """A person's own account, a team, a client an agency works for, or a guest with an e-mail."""

    class Kind(models.TextChoices):
        PERSONAL = "personal", "Personal"
        TEAM = "team", "Team"
        CLIENT = "client", "Client of an agency"
        GUEST = "guest", "Guest"

    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSONAL)
    name = models.CharField(max_length=120)
    email = AddressField(
        max_length=254,
        blank=True,
        help_text="A guest's address; whoever proves it gets the account.",
    )
    agency = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="clients",
        help_text="For a client: the agency's account.",
    )
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(kind="guest", claimed_at__isnull=True),
                name="accounts_one_unclaimed_guest_per_email",
            ),
            models.CheckConstraint(
                condition=~Q(kind="guest", email=""), name="accounts_guest_has_email"
            ),
            models.CheckConstraint(
                condition=Q(kind="client") | Q(agency__isnull=True),
                name="accounts_only_clients_have_agency",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do in an account."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"


class Membership(models.Model):
    """A user's role in an account."""

    Role: ClassVar = Role

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        # Not a constraint: forms below an account check only this kind.
        unique_together = (("account", "user"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"
