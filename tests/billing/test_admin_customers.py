"""The customer page: found by whatever somebody wrote, with everything about them on it."""

from collections.abc import Callable

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.flows import keys, mail, notes
from accounts.models import Account, ApiKey, Membership, User
from billing.flows import credits, customers
from billing.models import Customer, Order, Payment, Subscription
from tests.billing import rows
from tests.billing.test_admin_acts import member

pytestmark = pytest.mark.django_db
Way = Callable[[Order], str]
WAYS: dict[str, Way] = {
    "the address of a member": lambda order: "OWNER@example.org",
    "a part of a name": lambda order: "olga",
    "the number of an order": lambda order: order.number,
    "the number as a mail writes it": lambda order: f"Order {order.number}",
    "the whole id of an order": lambda order: str(order.uuid),
    "a part of the id of an order": lambda order: str(order.uuid)[:16],
    "the address of a buyer": lambda order: "Buyer7@example.org",
    "the payment page": lambda order: "cs_7",
    "a payment": lambda order: Payment.objects.get().ref,
    "a refund": lambda order: f"re_{Payment.objects.get().ref}",
    "a dispute": lambda order: f"dp_{Payment.objects.get().ref}",
    "a subscription": lambda order: Subscription.objects.get(order=order).ref,
    "a customer at the provider": lambda order: "cus_7",
    "an invoice": lambda order: f"a-{Payment.objects.get().ref}",
    "the start of a key": lambda order: ApiKey.objects.get().prefix[:16],
}


@pytest.fixture
def order(account: Account, staff: User) -> Order:
    made = rows.order(7, account)
    rows.below(made)
    rows.order(8, Account.objects.create(name="Somebody else"))
    Customer.objects.create(account=account, gateway="stripe", ref="cus_7")
    keys.issue(account, name="Shop")
    return made


@pytest.mark.parametrize("way", WAYS)
def test_a_customer_is_found_by(
    way: str, order: Order, staff_client: Client, account: Account
) -> None:
    answer = staff_client.get(reverse("admin:customers"), {"q": WAYS[way](order)})
    assert answer.status_code == 302, way
    assert answer.headers["Location"] == reverse("admin:customer", args=[account.pk])


def test_a_whole_key_finds_its_account_and_is_stored_nowhere(account: Account) -> None:
    _, text = keys.issue(account, name="Shop")
    assert [found.account for found in customers.find(text)] == [account]


def test_several_are_listed_with_why_and_nobody_is_said_plainly(
    staff_client: Client, order: Order
) -> None:
    address = reverse("admin:customers")
    Account.objects.create(name="Olga Two")
    page = staff_client.get(address, {"q": "olga"}).content.decode()
    assert "Olga Two" in page and "Found by" in page
    assert "Nobody." in staff_client.get(address, {"q": "no such thing"}).content.decode()
    for odd in ("", "x", "%", "a" * 300, "\x00", "💶", "' OR 1=1"):
        assert staff_client.get(address, {"q": odd}).status_code in (200, 302, 400)


def test_everything_about_a_customer_is_on_one_screen(
    staff_client: Client, staff: User, order: Order, account: Account
) -> None:
    credits.grant(account, 500, ref="gift")
    notes.add(account, "Asked for an invoice by post.", actor=staff)
    message = EmailMessage("Your key", "…", to=["a@example.org"])
    mail.enqueue(message, account=account)
    page = staff_client.get(reverse("admin:customer", args=[account.pk])).content.decode()
    for words in (
        *("owner@example.org", order.number, Payment.objects.get().ref, "Plan 7", "0 of 50"),
        *("5 to spend", "grant:gift", "broken on purpose", "a@example.org", "by post"),
        *("Refund…", "Revoke…", "Try again…", "Add or take coins…", "Issue a key…"),
    ):
        assert words in page, words


def test_the_customer_page_takes_as_many_queries_for_much_as_for_little(
    staff_client: Client, order: Order, account: Account
) -> None:
    address = reverse("admin:customer", args=[account.pk])
    wallet = credits.wallet_of(account)

    def grow(start: int, count: int) -> None:
        for n in range(start, start + count):
            rows.below(rows.order(n, account))
            rows.coins(wallet)
            user = User.objects.create_user(f"member{n}@example.org")
            Membership.objects.create(account=account, user=user)
            keys.issue(account, name=f"k{n}")
            notes.add(account, f"note {n}", actor=user)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff_client.get(address).status_code == 200
        return len(captured)

    grow(100, 2)
    queries()
    few = queries()
    grow(200, 6)
    assert queries() == few <= 25


def test_a_note_is_written_on_the_page_and_an_empty_one_is_asked_again(
    staff_client: Client, account: Account
) -> None:
    address = reverse("admin:customer_do", args=[account.pk, "note"])
    done = staff_client.post(address, {"confirmed": "yes", "text": "Called."}, follow=True)
    assert "Called." in done.content.decode()
    page = staff_client.post(address, {"confirmed": "yes", "text": " "})
    assert "This field is required" in page.content.decode()
    assert account.notes.count() == 1


def test_print_staff_see_only_what_is_theirs(order: Order, account: Account) -> None:
    page = member("print").get(reverse("admin:customer", args=[account.pk])).content.decode()
    assert order.number in page
    for words in ("Payments", "API keys", "Coins", "Mails", "Refund…", "Note, for staff"):
        assert words not in page, words


def test_what_is_unknown_is_not_found(staff_client: Client, account: Account) -> None:
    assert staff_client.get(reverse("admin:customer", args=[99999])).status_code == 404
    wrong = reverse("admin:customer_do", args=[account.pk, "wish"])
    assert staff_client.get(wrong).status_code == 404
    assert staff_client.get("/admin/billing/payment/99999/do/refund/").status_code == 404


def test_a_stranger_sees_no_staff_page(owner_client: Client, account: Account) -> None:
    for address in (
        reverse("admin:customers"),
        reverse("admin:customer", args=[account.pk]),
        reverse("admin:billing_margin"),
        reverse("admin:billing_ledgers"),
        reverse("admin:billing_payment_do", args=[1, "refund"]),
    ):
        assert owner_client.get(address).status_code in (302, 403), address
