"""Starter data: what an empty installation needs. Running it again changes nothing."""

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import QuerySet

from accounts.flows import keys, signup
from accounts.models import Account, ApiKey, Brand, Scope, StaffRole, User, digest_of

MONEY = (
    *("offer", "price", "gatewayprice", "taxrate", "seller", "order", "subscription", "invoice"),
    *("wallet", "ledgerentry", "grant", "hold", "adjustment", "entitlement", "accountusage"),
    *("usagecounter", "cost", "reconciliationrun", "dispute"),
)
MENDED = ("payment", "refund", "fulfilment", "inboxevent", "keyplan", "difference")
STRIPE = (
    *("customer", "charge", "paymentintent", "session", "subscription", "invoice", "refund"),
    *("dispute", "price", "product", "event"),
)
# What each staff role may do: "app.model" with the letters v(iew) a(dd) c(hange) d(elete).
STAFF_ROLES: dict[str, dict[str, str]] = {
    "owner": {},  # nearly everything: see `_wanted`
    # All about money to look at; to act on: refunds, failed deliveries, events, keys, differences.
    # Coins are money: only an owner adds or takes them, changes prices, tax and who sells.
    "support": {
        "accounts.user": "vc",
        "accounts.account": "vc",
        "accounts.membership": "v",
        "accounts.apikey": "vac",
        "accounts.outgoingmail": "vc",
        "accounts.mailattempt": "v",
        "accounts.accountnote": "va",
        "accounts.auditentry": "v",
        **dict.fromkeys((f"billing.{name}" for name in MONEY), "v"),
        **dict.fromkeys((f"billing.{name}" for name in MENDED), "vc"),
        **dict.fromkeys((f"djstripe.{name}" for name in STRIPE), "v"),
    },
    "marketing": {
        "accounts.brand": "vc",
        "accounts.legaltext": "vac",
        "accounts.outgoingmail": "v",
        "billing.offer": "v",
        "prompts.term": "vacd",
        "prompts.preset": "vacd",
        "prompts.conflictset": "vacd",
        "prompts.negativeterm": "vacd",
        "prompts.platformprofile": "vc",
        "prompts.suggestion": "vc",
        "prompts.vocabularyversion": "vc",
    },
    "print": {"accounts.account": "v", "billing.order": "v"},
}
# Who may write these tables can make themselves a superuser: another's address or sign-in, a group.
ROUNDABOUT = {"account", "auth", "sessions", "socialaccount"}
KEY_NAME = "ADMIN_TOKEN"
LETTERS = {"v": "view", "a": "add", "c": "change", "d": "delete"}
BRANDS = (
    {
        "code": "atelier",
        "name": "Atelier",
        "tagline": "Five studios under one roof.",
        "accent": "#eda33f",
        "ink": "#1c1303",
        "is_default": True,
    },
    {
        "code": "chaos-venice",
        "product": "prompts",
        "name": "Chaos Venice Productions",
        "tagline": "From a rough idea to a picture worth keeping.",
        "accent": "#eda33f",
        "ink": "#1c1303",
    },
)


def _wanted(role: str) -> set[str]:
    """Return what a role may do, as "app.codename"."""
    if role == "owner":
        return {
            _name(permission)
            for permission in _every_permission()
            if permission.content_type.app_label not in ROUNDABOUT
            or permission.codename.startswith("view_")
        }
    return {
        f"{app}.{LETTERS[letter]}_{name}"
        for model, letters in STAFF_ROLES[role].items()
        for app, name in [model.split(".")]
        for letter in letters
    }


def _every_permission() -> QuerySet[Permission]:
    return Permission.objects.select_related("content_type")


def _name(permission: Permission) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"


def _staff_role(role: str) -> list[str]:
    """Give a role what it was never given, and take back what it no longer gets from us."""
    group, new = Group.objects.get_or_create(name=role)
    kept, _ = StaffRole.objects.get_or_create(group=group)
    by_name = {_name(permission): permission for permission in _every_permission()}
    wanted, before = _wanted(role) & set(by_name), set(kept.granted)
    group.permissions.add(*(by_name[name] for name in wanted - before))
    group.permissions.remove(*(by_name[name] for name in before - wanted if name in by_name))
    if wanted != before:
        kept.granted = sorted(wanted)
        kept.save(update_fields=["granted"])
    return [f"staff role {role}"] if new else []


def seed() -> list[str]:
    """Make what is missing and return a line for each thing made."""
    made: list[str] = []
    with transaction.atomic():
        for role in STAFF_ROLES:
            made += _staff_role(role)
        for brand in BRANDS:
            _, new = Brand.objects.get_or_create(code=brand["code"], defaults=brand)
            if new:
                made.append(f"brand {brand['name']}")
        made += _staff_token()
        if not settings.IS_PRODUCTION:
            made += _development()
    return made


def _house() -> Account:
    account, _ = Account.objects.get_or_create(
        kind=Account.Kind.TEAM, name="House", defaults={"email": ""}
    )
    return account


def _staff_token() -> list[str]:
    """ADMIN_TOKEN, where it is set, is a staff key like any other: revocable, a digest.

    Once it is changed or taken away, the key made from the earlier one is refused.
    """
    token = settings.ADMIN_TOKEN
    # By the prefix: unlike a name, nobody can write it.
    ours = ApiKey.objects.filter(prefix=KEY_NAME)
    ours.exclude(digest=digest_of(token)).revoke()
    if not token or ApiKey.objects.filter(digest=digest_of(token)).exists():
        return []
    keys.issue(_house(), name=KEY_NAME, scopes=Scope.STAFF, daily_limit=0, text=token)
    return ["staff key from ADMIN_TOKEN"]


def _development() -> list[str]:
    made = []
    if not User.objects.filter(email=settings.STAFF_EMAIL).exists():
        user = User.objects.create_superuser(
            settings.STAFF_EMAIL, settings.STAFF_PASSWORD, name="Owner"
        )
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        signup.personal_account(user)
        made.append(f"staff login {user.email}")
    if not ApiKey.objects.filter(digest=digest_of(settings.DEMO_KEY)).exists():
        demo, _ = Account.objects.get_or_create(kind=Account.Kind.TEAM, name="Demo")
        keys.issue(
            demo,
            name="Demo",
            plan="demo",
            daily_limit=settings.DEMO_DAILY_LIMIT,
            text=settings.DEMO_KEY,
        )
        made.append(f"demo key {settings.DEMO_KEY}")
    return made
