"""Sign-up: every person gets an account of their own; a proven address claims what a guest left."""

import structlog
from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress
from allauth.core import context
from django.db import transaction
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.models import Account, Membership, Role, User

log = structlog.get_logger(__name__)


def personal_account(user: User) -> Account:
    """Return the user's own account; the first call makes it."""
    account = Account.objects.personal_of(user)
    if account is not None:
        return account
    with transaction.atomic():
        # The lock on the user makes a second call at the same time wait and then find the first's.
        User.objects.select_for_update().get(pk=user.pk)
        account = Account.objects.personal_of(user)
        if account is None:
            account = Account.objects.create(
                kind=Account.Kind.PERSONAL, name=user.name or user.email.partition("@")[0]
            )
            Membership.objects.create(account=account, user=user, role=Role.OWNER)
    return account


def guest_account(email: str, name: str = "") -> Account:
    """Return the unclaimed guest account of an address; the first call makes it."""
    address = email.strip().lower()
    found = Account.objects.unclaimed(address).first()
    if found is not None:
        return found
    account, _ = Account.objects.get_or_create(
        kind=Account.Kind.GUEST,
        claimed_at__isnull=True,
        email=address,
        defaults={"name": name or address.partition("@")[0]},
    )
    return account


def claim_guests(user: User, email: str) -> int:
    """Give a user the guest accounts of an address they have proven; return how many.

    The account stays as it is, with all that hangs on it; the user becomes its owner.
    """
    with transaction.atomic():
        guests = list(
            Account.objects.select_for_update().filter(
                pk__in=Account.objects.unclaimed(email).values("pk")
            )
        )
        for guest in guests:
            guest.claimed_at = timezone.now()
            guest.save(update_fields=["claimed_at"])
            Membership.objects.get_or_create(
                account=guest, user=user, defaults={"role": Role.OWNER}
            )
    if guests:
        log.info("guest_claimed", user=user.pk, accounts=len(guests))
    return len(guests)


def send_verification(email: str) -> None:
    """Send a new verification link. Raises AccountsError when there is nothing to verify."""
    address = EmailAddress.objects.filter(email__iexact=email, verified=False).first()
    if address is None:
        raise AccountsError(
            "already_verified", "This address is verified, or nobody signed up with it."
        )
    address.send_confirmation(context.request)


def send_reset(email: str) -> None:
    """Send a new password reset link. Raises AccountsError when nobody has that address."""
    form = ResetPasswordForm({"email": email})
    if not form.is_valid() or not form.users:
        raise AccountsError("unknown_email", "Nobody signs in with that address.")
    form.save(context.request)


def welcome(user: User) -> None:
    """Give a new user an account, and the guest accounts of addresses that came proven (Google)."""
    personal_account(user)
    for address in EmailAddress.objects.filter(user=user, verified=True):
        claim_guests(user, address.email)
