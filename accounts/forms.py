"""Forms that change what allauth asks."""

from allauth.account.forms import AddEmailForm as AllauthAddEmailForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from django.core.exceptions import ValidationError

from accounts.errors import AccountsError
from accounts.flows import signup
from accounts.models import User


class AddEmailForm(AllauthAddEmailForm):
    """One more address, for a person who has confirmed the first."""

    def clean_email(self) -> str:
        """Refuse while the person has not shown that any address is theirs."""
        try:
            signup.only_proven(self.user)
        except AccountsError as error:
            raise ValidationError(error.message) from error
        return str(super().clean_email())


class ResetPasswordForm(AllauthResetPasswordForm):
    """A new password, for whoever may enter by that address."""

    users: list[User]

    def clean_email(self) -> str:
        """Leave out people who only noted the address."""
        email = str(super().clean_email())
        found: list[User] = self.users
        self.users = [user for user in found if signup.is_way_in(user, email)]
        return email
