"""The account page: a key is shown once, and who may revoke one."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.flows import keys
from accounts.models import Account, ApiKey, Membership, Role, User

pytestmark = pytest.mark.django_db
KEY = re.compile(r"atelier_test_\S+?_[0-9a-f]{8}\b")


def ticket(client: Client) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', client.get("/account/").content.decode())
    assert found
    return found[1]


def test_a_new_key_stands_in_the_answer_and_nowhere_else(owner_client: Client) -> None:
    data = {"name": "Shop", "ticket": ticket(owner_client)}
    answer = owner_client.post("/account/", data)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    text = KEY.search(answer.content.decode())
    assert text is not None
    assert text[0] not in repr([row.get_decoded() for row in Session.objects.all()])
    assert KEY.search(owner_client.get("/account/").content.decode()) is None


def test_loading_the_answer_again_makes_no_second_key(owner_client: Client) -> None:
    data = {"name": "Shop", "ticket": ticket(owner_client)}
    owner_client.post("/account/", data)
    again = owner_client.post("/account/", data, follow=True)
    assert again.redirect_chain == [("/account/", 302)]
    assert "made already" in again.content.decode()
    assert ApiKey.objects.count() == 1


def test_the_form_beside_a_new_key_makes_the_next_one(owner_client: Client) -> None:
    first = owner_client.post("/account/", {"name": "A", "ticket": ticket(owner_client)})
    found = re.search(r'name="ticket" value="([^"]+)"', first.content.decode())
    assert found
    owner_client.post("/account/", {"name": "B", "ticket": found[1]})
    assert set(ApiKey.objects.values_list("name", flat=True)) == {"A", "B"}


def test_a_refused_form_can_be_sent_again(owner_client: Client, account: Account) -> None:
    for _ in range(keys.MOST_FREE_KEYS):
        keys.issue(account, name="k")
    data = {"name": "One more", "ticket": ticket(owner_client)}
    for _ in range(2):
        assert "You can have 5 keys" in owner_client.post("/account/", data).content.decode()


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.OWNER, True), (Role.ADMIN, True), (Role.MEMBER, False), (Role.VIEWER, False)],
)
def test_only_owner_and_admin_revoke_a_key(
    stranger_client: Client, stranger: User, account: Account, role: Role, may: bool
) -> None:
    row, _ = keys.issue(account, name="Partner")
    Membership.objects.create(account=account, user=stranger, role=role)
    page = stranger_client.get("/account/").content.decode()
    address = f"/account/keys/{row.pk}/revoke/"
    assert "Partner" in page
    assert (address in page) == may
    assert stranger_client.post(address).status_code == (302 if may else 404)
    row.refresh_from_db()
    assert row.is_live != may
