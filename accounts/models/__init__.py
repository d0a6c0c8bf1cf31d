"""Tables of people, brands and mail."""

from accounts.models.account import Account, Membership, OwnedQuerySet, Role
from accounts.models.address import normal_address
from accounts.models.audit import AuditEntry
from accounts.models.brand import Brand, BrandHost, LegalText
from accounts.models.key import ApiKey, Scope, digest_of, normal_scopes
from accounts.models.mail import MailAttempt, OutgoingMail
from accounts.models.note import AccountNote
from accounts.models.role import StaffRole
from accounts.models.user import User

__all__ = [
    "Account",
    "AccountNote",
    "ApiKey",
    "AuditEntry",
    "Brand",
    "BrandHost",
    "LegalText",
    "MailAttempt",
    "Membership",
    "OutgoingMail",
    "OwnedQuerySet",
    "Role",
    "Scope",
    "StaffRole",
    "User",
    "digest_of",
    "normal_address",
    "normal_scopes",
]
