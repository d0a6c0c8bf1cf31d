"""Who leaves takes their keys along, unless somebody else answers for them."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.flows import keys, leaving
from accounts.models import Account, Membership, Role, User
from billing.errors import KeyRefused
from billing.flows import quotas

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(owner: User, stranger: User) -> Account:
    """An account that two people own."""
    made = Account.objects.create(kind=Account.Kind.TEAM, name="Team")
    for user in (owner, stranger):
        Membership.objects.create(account=made, user=user, role=Role.OWNER)
    return made


def refused(text: str) -> bool:
    try:
        quotas.charge(text)
    except KeyRefused:
        return True
    return False


def test_keys_go_with_the_last_active_owner(
    owner: User, stranger: User, account: Account, team: Account
) -> None:
    own, shared = keys.issue(account, name="own")[1], keys.issue(team, name="shared")[1]
    leaving.deactivate(owner)
    assert (refused(own), refused(shared)) == (True, False)
    leaving.deactivate(stranger)
    assert refused(shared)


def test_an_admin_or_member_does_not_answer_for_a_key(owner: User, stranger: User) -> None:
    firm = Account.objects.create(kind=Account.Kind.TEAM, name="Firm")
    Membership.objects.create(account=firm, user=owner, role=Role.OWNER)
    Membership.objects.create(account=firm, user=stranger, role=Role.ADMIN)
    text = keys.issue(firm, name="k")[1]
    leaving.deactivate(stranger)
    assert not refused(text)
    leaving.deactivate(owner)
    assert refused(text)


def test_deleting_two_owners_at_once_revokes_their_keys(
    owner: User, stranger: User, team: Account
) -> None:
    text = keys.issue(team, name="shared")[1]
    leaving.delete(User.objects.filter(pk__in=(owner.pk, stranger.pk)))
    assert refused(text)
    assert not User.objects.exists()


def test_staff_switch_somebody_off_and_the_keys_stop(
    staff_client: Client, owner: User, account: Account
) -> None:
    text = keys.issue(account, name="own")[1]
    address = reverse("admin:accounts_user_change", args=[owner.pk])
    assert staff_client.post(address, {"email": owner.email, "name": ""}).status_code == 302
    owner.refresh_from_db()
    assert not owner.is_active
    assert refused(text)


@pytest.mark.parametrize("by_list", [True, False])
def test_staff_delete_somebody_and_the_keys_stop(
    staff_client: Client, owner: User, account: Account, by_list: bool
) -> None:
    text = keys.issue(account, name="own")[1]
    if by_list:
        data = {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"}
        staff_client.post(reverse("admin:accounts_user_changelist"), data)
    else:
        staff_client.post(reverse("admin:accounts_user_delete", args=[owner.pk]), {"post": "yes"})
    assert not User.objects.filter(pk=owner.pk).exists()
    assert refused(text)
