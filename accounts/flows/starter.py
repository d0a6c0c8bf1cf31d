"""Starter data: what an empty installation needs. Running it again changes nothing."""

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from accounts.flows import keys, signup
from accounts.models import Account, ApiKey, Brand, User, digest_of

# What each staff role may do: "app.model" with the letters v(iew) a(dd) c(hange) d(elete).
STAFF_ROLES: dict[str, dict[str, str]] = {
    "owner": {},  # everything: see `_permissions`
    "support": {
        "accounts.user": "vc",
        "accounts.account": "vc",
        "accounts.membership": "vacd",
        "accounts.apikey": "vac",
        "accounts.outgoingmail": "vc",
        "accounts.mailattempt": "v",
        "billing.usagecounter": "v",
    },
    "marketing": {
        "accounts.brand": "vc",
        "accounts.legaltext": "vac",
        "accounts.outgoingmail": "v",
        "prompts.term": "vacd",
        "prompts.preset": "vacd",
        "prompts.conflictset": "vacd",
        "prompts.negativeterm": "vacd",
        "prompts.platformprofile": "vc",
    },
    "print": {"accounts.account": "v"},
}
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


def _permissions(role: str) -> list[Permission]:
    if role == "owner":
        return list(Permission.objects.all())
    wanted: list[Permission] = []
    for model, letters in STAFF_ROLES[role].items():
        app, name = model.split(".")
        codes = [f"{LETTERS[letter]}_{name}" for letter in letters]
        wanted += Permission.objects.filter(content_type__app_label=app, codename__in=codes)
    return wanted


def seed() -> list[str]:
    """Make what is missing and return a line for each thing made."""
    made: list[str] = []
    with transaction.atomic():
        for role in STAFF_ROLES:
            group, new = Group.objects.get_or_create(name=role)
            if new or role == "owner":
                group.permissions.set(_permissions(role))
            if new:
                made.append(f"staff role {role}")
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
    """ADMIN_TOKEN, where it is set, is a staff key like any other: revocable, a digest."""
    token = settings.ADMIN_TOKEN
    if not token or ApiKey.objects.filter(digest=digest_of(token)).exists():
        return []
    keys.issue(_house(), name="ADMIN_TOKEN", scopes="staff", daily_limit=0, text=token)
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
