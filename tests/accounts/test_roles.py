"""What each staff role may do in the admin, and what it may not."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.flows import keys, signup, starter
from accounts.models import Account, ApiKey, Membership, User

pytestmark = pytest.mark.django_db
ROLES = ("owner", "support", "marketing", "print")
PASSWORD = "correct horse battery"


def member(role: str) -> tuple[User, Client]:
    """A member of staff with one role, and their browser."""
    starter.seed()
    user = User.objects.create_user(f"{role}@staff.example.org", PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return user, client


def change(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


@pytest.mark.parametrize("role", ROLES)
def test_nobody_makes_themselves_a_superuser(role: str) -> None:
    user, client = member(role)
    powers = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert client.post(change(user), {"email": user.email, **powers}).status_code == 403
    user.refresh_from_db()
    assert not user.is_superuser


@pytest.mark.parametrize("role", ROLES)
def test_nobody_makes_somebody_else_staff(role: str, stranger: User) -> None:
    _, client = member(role)
    data = {
        "email": stranger.email,
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [Group.objects.get(name="owner").pk],
    }
    client.post(change(stranger), data)
    stranger.refresh_from_db()
    assert (stranger.is_staff, stranger.is_superuser) == (False, False)
    assert not stranger.groups.exists()


@pytest.mark.parametrize("role", ROLES)
def test_nobody_sets_the_password_or_the_address_of_staff(role: str, staff: User) -> None:
    _, client = member(role)
    new = {"password1": "taken over 99", "password2": "taken over 99", "usable_password": "true"}
    address = reverse("admin:auth_user_password_change", args=[staff.pk])
    assert client.post(address, new).status_code == 403
    assert client.post(change(staff), {"email": "mine@example.org"}).status_code == 403
    assert (
        client.post(
            reverse("admin:accounts_user_delete", args=[staff.pk]), {"post": "yes"}
        ).status_code
        == 403
    )
    client.post(
        reverse("admin:accounts_user_changelist"),
        {"action": "delete_selected", "_selected_action": [staff.pk], "post": "yes"},
    )
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)
    assert staff.email == "staff@example.org"


def test_support_helps_ordinary_people(stranger: User) -> None:
    _, client = member("support")
    new = {
        "password1": "a helped one 99",
        "password2": "a helped one 99",
        "usable_password": "true",
    }
    address = reverse("admin:auth_user_password_change", args=[stranger.pk])
    assert client.post(address, new).status_code == 302
    data = {"email": stranger.email, "name": "Stan", "is_active": "on"}
    assert client.post(change(stranger), data).status_code == 302
    stranger.refresh_from_db()
    assert stranger.check_password("a helped one 99")
    assert stranger.name == "Stan"


def key_data(account: Account, **changes: object) -> dict[str, object]:
    return {
        "account": account.pk,
        "name": "k",
        "scopes": ["prompts"],
        "daily_limit": 50,
        "expires_at_0": "",
        "expires_at_1": "",
        "revoked_at_0": "",
        "revoked_at_1": "",
        "reason": "A partner asked.",
        **changes,
    }


@pytest.mark.parametrize("role", ["owner", "support"])
def test_only_superusers_make_and_change_keys_that_may_do_what_staff_may(
    role: str, account: Account, staff_client: Client
) -> None:
    _, client = member(role)
    add = reverse("admin:accounts_apikey_add")
    before = ApiKey.objects.count()
    client.post(add, key_data(account, scopes=["staff", "prompts"]))
    assert ApiKey.objects.count() == before
    client.post(add, key_data(account))
    assert ApiKey.objects.count() == before + 1
    staff_client.post(add, key_data(account, scopes=["staff", "prompts"]))
    made = ApiKey.objects.get(scopes="prompts staff")
    changed = reverse("admin:accounts_apikey_change", args=[made.pk])
    assert client.post(changed, key_data(account)).status_code == 403
    list_ = reverse("admin:accounts_apikey_changelist")
    sure = {"confirmed": "yes", "reason": "It leaked."}
    client.post(list_, {"action": "revoke_keys", "_selected_action": [made.pk], **sure})
    made.refresh_from_db()
    assert made.revoked_at is not None  # a leaked key can't wait for a superuser


def test_a_key_of_two_milliard_units_a_day_is_refused(
    account: Account, staff_client: Client
) -> None:
    data = key_data(account, daily_limit=2_147_483_647)
    page = staff_client.post(reverse("admin:accounts_apikey_add"), data)
    assert "1000000" in page.content.decode()
    assert not ApiKey.objects.exists()


def test_support_makes_nobody_a_member_and_no_address_the_owner(account: Account) -> None:
    user, client = member("support")
    guest = signup.guest_account("guest@example.org")
    for row in (account, guest):
        data = {"name": "Renamed", "kind": row.kind, "email": user.email}
        for prefix in ("memberships", "memberships-2"):
            data |= {
                f"{prefix}-TOTAL_FORMS": "1",
                f"{prefix}-INITIAL_FORMS": "0",
                f"{prefix}-0-account": str(row.pk),
                f"{prefix}-0-user": str(user.pk),
                f"{prefix}-0-role": "owner",
            }
        address = reverse("admin:accounts_account_change", args=[row.pk])
        assert client.post(address, data).status_code == 302
        row.refresh_from_db()
        assert row.name == "Renamed"
    assert guest.email == "guest@example.org"
    assert not Membership.objects.filter(user=user).exists()


def test_a_superuser_adds_a_member_and_changes_a_role(
    staff_client: Client, account: Account, owner: User, stranger: User
) -> None:
    mine = Membership.objects.get(account=account)
    data = {
        "name": account.name,
        "kind": account.kind,
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(mine.pk),
        "memberships-0-account": str(account.pk),
        "memberships-0-role": "admin",
        "memberships-2-TOTAL_FORMS": "1",
        "memberships-2-INITIAL_FORMS": "0",
        "memberships-2-0-account": str(account.pk),
        "memberships-2-0-user": str(stranger.pk),
        "memberships-2-0-role": "viewer",
    }
    address = reverse("admin:accounts_account_change", args=[account.pk])
    assert staff_client.post(address, data).status_code == 302
    data |= {"memberships-2-0-user": str(owner.pk)}
    assert "already exists" in staff_client.post(address, data).content.decode()
    roles = dict(Membership.objects.filter(account=account).values_list("user", "role"))
    assert roles == {owner.pk: "admin", stranger.pk: "viewer"}


def test_marketing_sees_and_changes_suggestions_and_versions() -> None:
    user, client = member("marketing")
    for model in ("suggestion", "vocabularyversion"):
        assert client.get(reverse(f"admin:prompts_{model}_changelist")).status_code == 200
        assert user.has_perm(f"prompts.change_{model}")
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 403


def test_print_sees_accounts_and_no_keys(key: object) -> None:
    _, client = member("print")
    assert client.get(reverse("admin:accounts_account_changelist")).status_code == 200
    assert client.get(reverse("admin:accounts_apikey_changelist")).status_code == 403


def test_an_owner_by_role_reaches_every_list(key: object) -> None:
    user, client = member("owner")
    assert client.get(reverse("admin:accounts_apikey_changelist")).status_code == 200
    assert user.has_perm("prompts.delete_term")


def test_an_owner_by_role_has_no_way_round_to_a_superusers_password(staff: User) -> None:
    user, client = member("owner")
    mine = {"user": staff.pk, "email": user.email, "verified": "on"}
    assert client.get(reverse("admin:account_emailaddress_changelist")).status_code == 200
    assert client.post(reverse("admin:account_emailaddress_add"), mine).status_code == 403
    assert not user.has_perm("auth.change_group")


def names(role: str) -> set[str]:
    group = Group.objects.get(name=role)
    return set(group.permissions.values_list("codename", flat=True))


def test_a_later_version_adds_its_rights_and_leaves_what_staff_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starter.seed()
    group = Group.objects.get(name="marketing")
    group.permissions.remove(group.permissions.get(codename="delete_term"))
    group.permissions.add(Group.objects.get(name="support").permissions.get(codename="view_user"))
    later = starter.STAFF_ROLES["marketing"] | {"billing.usagecounter": "v"}
    del later["accounts.legaltext"]
    monkeypatch.setitem(starter.STAFF_ROLES, "marketing", later)
    starter.seed()
    now = names("marketing")
    assert "view_usagecounter" in now  # new in this version
    assert "change_legaltext" not in now  # given by us, and not any more
    assert "delete_term" not in now  # staff took it
    assert "view_user" in now  # staff gave it
    assert starter.seed() == []


def test_a_key_given_a_text_shows_nothing_of_it(account: Account) -> None:
    row, _ = keys.issue(account, name="ADMIN_TOKEN", text="short-token")
    assert row.prefix == "ADMIN_TOKEN"
