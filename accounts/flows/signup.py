"""Sign-up: every person gets an account of their own; a proven address claims what a guest left."""

import structlog
from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.flows import keys
from accounts.models import Account, ApiKey, Membership, Role, User, normal_address

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
    address = normal_address(email)
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


def has_proven(user: User) -> bool:
    """Whether a person has shown that an address of theirs is theirs."""
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


def only_proven(user: User) -> None:
    """Raises AccountsError until the person has shown that an address is theirs."""
    if not has_proven(user):
        raise AccountsError("unproven", "Confirm your address first. The link is in your mail.")


def is_way_in(user: User, email: str) -> bool:
    """Whether who owns the address may enter as this person.

    Not through one that the person only noted: it may be a stranger's, by a slip or on purpose.
    """
    address = normal_address(email)
    proven = EmailAddress.objects.filter(user=user, email=address, verified=True)
    return bool(user.email == address or proven.exists())


def release(email: str) -> None:
    """Forget an address, proven by its owner just now, where others only noted it."""
    address = normal_address(email)
    noted = EmailAddress.objects.filter(email=address, verified=False)
    noted.exclude(user__email=address).delete()


def prove(user: User, email: str, *, keep_password: bool = False) -> bool:
    """Hand a person over to whoever has shown that the address is theirs, and claim its guests.

    Until then anybody could have signed up with the address. So what they set up is taken away:
    other addresses, sign-ins through others, keys, and the password with every open session, unless
    the owner has just chosen it (`keep_password`). False: another person has proven the address.
    """
    address = normal_address(email)
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        if EmailAddress.objects.filter(email=address, verified=True).exclude(user=locked).exists():
            return False
        if not EmailAddress.objects.filter(user=locked, email=address, verified=True).exists():
            _evict(locked, address)
            if not keep_password:
                locked.set_unusable_password()  # every session carries a hash of the password
            locked.email = address
            locked.save(update_fields=["email", "password"])
            user.email, user.password = locked.email, locked.password
        claim_guests(user, address)
    return True


def _evict(user: User, address: str) -> None:
    """Take away what was set up before `address` was proven, and mark it as proven."""
    EmailAddress.objects.filter(user=user).exclude(email=address).delete()
    SocialAccount.objects.filter(user=user).delete()
    EmailAddress.objects.update_or_create(
        user=user, email=address, defaults={"verified": True, "primary": True}
    )
    # Not the keys that a member of staff made for others: those accounts are not theirs.
    written = ApiKey.objects.filter(author=user).visible_to(user).revoke()
    log.info("address_taken_over", user=user.pk, keys=written + keys.revoke_left_behind(user))


def was_reset(user: User) -> None:
    """A password chosen through the mail proves the address, where it is the only one."""
    addresses = set(EmailAddress.objects.filter(user=user).values_list("email", flat=True))
    if not has_proven(user) and addresses <= {user.email}:
        prove(user, user.email, keep_password=True)


def send_verification(email: str) -> None:
    """Send a new verification link. Raises AccountsError when there is nothing to verify."""
    address = EmailAddress.objects.filter(email=normal_address(email), verified=False).first()
    if address is None:
        raise AccountsError(
            "already_verified", "This address is verified, or nobody signed up with it."
        )
    address.send_confirmation(context.request)


def send_reset(email: str) -> None:
    """Send a new password reset link. Raises AccountsError when nobody has that address."""
    form = ResetPasswordForm({"email": email})
    form_is_good = form.is_valid()
    form.users = [user for user in form.users if is_way_in(user, email)] if form_is_good else []
    if not form.users:
        raise AccountsError("unknown_email", "Nobody signs in with that address.")
    form.save(context.request)


def welcome(user: User) -> None:
    """Give a new user an account, and the guest accounts of addresses that came proven (Google)."""
    personal_account(user)
    claim_proven(user)


def claim_proven(user: User) -> int:
    """Give a user what guests left under the addresses they have proven; return how many accounts.

    Somebody may buy as a guest, without signing in, after having proven the address.
    """
    proven = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return sum(claim_guests(user, address) for address in proven)
