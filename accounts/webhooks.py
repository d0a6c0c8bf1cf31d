"""Third-party signals, each received by one line that calls a flow."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import (
    email_confirmed,
    password_reset,
    user_logged_in,
    user_signed_up,
)
from django.dispatch import receiver

from accounts.flows import signup
from accounts.models import User


@receiver(user_signed_up)
def on_sign_up(sender: Any, user: User, **kwargs: Any) -> None:
    """A new person gets an account of their own, and what a proven address left as a guest."""
    signup.welcome(user)


@receiver(email_confirmed)
def on_email_confirmed(sender: Any, email_address: EmailAddress, **kwargs: Any) -> None:
    """A proven address claims what a guest left under it."""
    signup.claim_guests(email_address.user, email_address.email)


@receiver(password_reset)
def on_password_reset(sender: Any, user: User, **kwargs: Any) -> None:
    """Who opens the mailbox and chooses the password is the owner."""
    signup.was_reset(user)


@receiver(user_logged_in)
def on_login(sender: Any, user: User, **kwargs: Any) -> None:
    """What a person bought without signing in is theirs once they sign in."""
    signup.claim_proven(user)
