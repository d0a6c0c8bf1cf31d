"""Who signs in."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from accounts.models.address import AddressField, normal_address


class UserManager(BaseUserManager["User"]):
    """Makes users; addresses are kept and compared in lower case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find the user who signs in with this address."""
        return self.get(email=username or "")

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user. Raises ValueError without an address."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=normal_address(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a member of staff who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Owns nothing: see Account."""

    email = AddressField(
        "e-mail",
        max_length=254,
        unique=True,
        help_text="Used to sign in.",
        error_messages={"unique": "This address has an account already."},
    )
    name = models.CharField(max_length=120, blank=True, help_text="How mails greet this person.")
    is_active = models.BooleanField(
        "active",
        default=True,
        help_text="Untick instead of deleting: this person can't sign in then.",
    )
    is_staff = models.BooleanField("staff", default=False, help_text="May open this admin.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Lower the case of the address before the form compares it with others."""
        super().clean()
        self.email = normal_address(self.email)

    def get_short_name(self) -> str:
        """Return the name mails greet with; empty when unknown."""
        return self.name
