"""Leaving: a person who can't sign in any more leaves no key behind that still works."""

from collections.abc import Iterable

from django.db import transaction

from accounts.flows import keys
from accounts.models import User


def deactivate(user: User) -> int:
    """Keep a person from signing in, and revoke the keys nobody else answers for.

    Keys of an account with another active owner go on. Returns how many keys were revoked; they
    stay so when the person comes back.
    """
    with transaction.atomic():
        user.is_active = False
        user.save(update_fields=["is_active"])
        return keys.revoke_left_behind(user)


def delete(users: Iterable[User]) -> int:
    """Delete people, and revoke the keys nobody else answers for; return how many keys."""
    revoked = 0
    with transaction.atomic():
        for user in users:
            revoked += deactivate(user)  # one after the other: the last owner may be the second
            user.delete()
    return revoked
