"""Tables of people, brands and mail."""

from accounts.models.account import Account, Membership, OwnedQuerySet, Role
from accounts.models.brand import Brand, BrandHost, LegalText
from accounts.models.key import ApiKey, digest_of
from accounts.models.mail import MailAttempt, OutgoingMail
from accounts.models.user import User

__all__ = [
    "Account",
    "ApiKey",
    "Brand",
    "BrandHost",
    "LegalText",
    "MailAttempt",
    "Membership",
    "OutgoingMail",
    "OwnedQuerySet",
    "Role",
    "User",
    "digest_of",
]
