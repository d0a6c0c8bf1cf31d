"""What staff do to money: each act works, asks why, needs its right, and leaves a record."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.flows import keys, starter
from accounts.models import Account, ApiKey, AuditEntry, OutgoingMail, User
from billing.admin.customer import ACTS
from billing.flows import credits, differences, keyplans
from billing.models import (
    Adjustment,
    Fulfilment,
    KeyPlan,
    Offer,
    Payment,
    Price,
    Refund,
    RefundRequest,
    Seller,
    TaxRate,
)
from common.staff import ActAdmin
from tests.billing import rows

pytestmark = pytest.mark.django_db


@dataclass
class Case:
    """How an act is tried: the row, what is typed, the record it leaves, and what it changed."""

    row: Callable[[Account], Any]
    action: str
    changed: Callable[[Any], bool]
    typed: dict[str, Any] = field(default_factory=dict)
    support: bool = True  # whether support may


def paid(account: Account) -> Payment:
    return rows.below(rows.order(1, account))


def stuck_refund(account: Account) -> Refund:
    row = Refund.objects.create(payment=paid(account), gateway="stripe", amount=5)
    RefundRequest.objects.create(refund=row, state="failed", attempts=4, dedupe_key="again")
    return row


def failed_delivery(account: Account) -> Fulfilment:
    paid(account)
    return Fulfilment.objects.get()


def offer(account: Account, *, published: bool = True) -> Offer:
    row = rows.order(1, account).offer
    Offer.objects.filter(pk=row.pk).update(published=published)
    row.refresh_from_db()
    return row


def unclaimed(account: Account, n: int = 1) -> KeyPlan:
    return KeyPlan.objects.get(order=rows.order(n, account))


def claimed(account: Account, n: int = 1) -> KeyPlan:
    row = unclaimed(account, n)
    keyplans.claim(row)
    return row


def gone(key: ApiKey) -> bool:
    return key.revoked_at is not None


CASES: dict[str, Case] = {
    "billing.offer new_price": Case(
        offer,
        "billing.new_price",
        lambda row: row.price.amount == 5999,
        {"amount": 5999, "entitlement": '{"plan": "basic", "daily_limit": 60, "days": 30}'},
        support=False,
    ),
    "billing.offer publish": Case(
        lambda account: offer(account, published=False),
        "billing.publish_offer",
        lambda row: bool(row.published),
        support=False,
    ),
    "billing.offer unpublish": Case(
        offer, "billing.unpublish_offer", lambda row: not row.published, support=False
    ),
    "billing.payment refund": Case(
        paid, "billing.refund", lambda row: row.refunded == 1050, {"amount": "10.50"}
    ),
    "billing.refund ask_again": Case(
        stuck_refund, "billing.ask_refund_again", lambda row: row.request.state == "queued"
    ),
    "billing.fulfilment retry": Case(
        failed_delivery, "billing.retry_fulfilment", lambda row: row.state == "queued"
    ),
    "billing.inboxevent replay": Case(
        lambda account: rows.event(1), "billing.replay_event", lambda row: row.state == "queued"
    ),
    "billing.keyplan send_link": Case(
        unclaimed,
        "billing.send_claim_link",
        lambda row: OutgoingMail.objects.filter(to_email=row.email, carries_secret=True).exists(),
    ),
    "billing.keyplan set_limit": Case(
        claimed,
        "billing.set_key_limit",
        lambda row: row.api_key.daily_limit == 77,
        {"daily_limit": 77},
    ),
    "billing.keyplan revoke": Case(claimed, "billing.revoke_key", lambda row: gone(row.api_key)),
    "billing.difference settle": Case(
        lambda account: differences.note("double", "pi_1"),
        "billing.settle_difference",
        lambda row: row.resolution == "Because.",
    ),
    "billing.wallet adjust": Case(
        credits.wallet_of,
        "billing.adjust",
        lambda row: row.balance == 250,
        {"amount": "2.5"},
        support=False,
    ),
    "accounts.apikey revoke_keys": Case(
        lambda account: keys.issue(account, name="Shop")[0], "accounts.revoke_key", gone
    ),
    "customer note": Case(
        lambda account: account,
        "accounts.add_note",
        lambda row: row.notes.get().text == "Called.",
        {"text": "Called."},
    ),
    "customer adjust": Case(
        lambda account: account,
        "billing.adjust",
        lambda row: row.wallet.balance == 250,
        {"amount": "2.50"},
        support=False,
    ),
    "customer issue_key": Case(
        lambda account: account,
        "billing.issue_key",
        lambda row: ApiKey.objects.get(account=row).daily_limit == 5,
        {"plan": "gift", "daily_limit": 5, "days": 30},
    ),
}


def declared() -> set[str]:
    """Every act and every action of the tables of money and keys."""
    found = {f"customer {name}" for name in ACTS}
    for model, page in admin.site._registry.items():
        if model._meta.app_label in ("billing", "djstripe") or isinstance(page, ActAdmin):
            found |= {f"{model._meta.label_lower} {act.name}" for act in getattr(page, "acts", ())}
            found |= {f"{model._meta.label_lower} {name}" for name in page.actions or ()}
    return found


def address_of(case: str, row: Any) -> str:
    where, name = case.split()
    if where == "customer":
        return reverse("admin:customer_do", args=[row.pk, name])
    return reverse(f"admin:{where.replace('.', '_')}_do", args=[row.pk, name])


def member(role: str) -> Client:
    """The browser of a member of staff with one role."""
    starter.seed()
    user = User.objects.create_user(f"{role}@staff.example.org", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


SURE = {"confirmed": "yes", "reason": "Because."}


def test_every_act_there_is_has_its_case_here() -> None:
    assert declared() == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_an_act_does_what_it_says_and_leaves_one_record(
    case: str, staff: User, staff_client: Client, account: Account
) -> None:
    tried = CASES[case]
    row = tried.row(account)
    before = AuditEntry.objects.count()
    assert staff_client.get(address_of(case, row)).status_code == 200
    answer = staff_client.post(address_of(case, row), SURE | tried.typed)
    assert answer.status_code == 302, answer.content.decode()
    assert tried.changed(type(row)._default_manager.get(pk=row.pk))
    assert AuditEntry.objects.count() == before + 1
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor) == (tried.action, staff)
    assert entry.reason == ("" if case == "customer note" else "Because.")


@pytest.mark.parametrize("case", [case for case in CASES if case != "customer note"])
def test_an_act_without_a_reason_does_nothing(
    case: str, staff_client: Client, account: Account
) -> None:
    tried = CASES[case]
    row = tried.row(account)
    page = staff_client.post(address_of(case, row), SURE | tried.typed | {"reason": "  "})
    assert "This field is required" in page.content.decode()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("case", CASES)
def test_an_act_needs_its_right(case: str, account: Account) -> None:
    tried = CASES[case]
    row = tried.row(account)
    for role in ("marketing", "print"):
        assert member(role).post(address_of(case, row), SURE | tried.typed).status_code == 403
    assert not AuditEntry.objects.exists()
    answer = member("support").post(address_of(case, row), SURE | tried.typed)
    assert answer.status_code == (302 if tried.support else 403)
    assert AuditEntry.objects.count() == int(tried.support)


@pytest.mark.parametrize(
    ("case", "ruin", "words"),
    [
        ("billing.payment refund", {"amount": "60"}, "More than what was paid"),
        ("billing.payment refund", {"amount": "0.001"}, "as the currency has it"),
        ("billing.payment refund", {"amount": "Infinity"}, "Enter a number"),
        ("billing.wallet adjust", {"amount": "-1"}, "coins"),
        ("billing.offer new_price", {"entitlement": "{}"}, "That does not work"),
        ("billing.offer new_price", {"entitlement": "[1]"}, "That does not work"),
        ("customer issue_key", {"days": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_refused_is_said_on_the_page(
    case: str, ruin: dict[str, Any], words: str, staff_client: Client, account: Account
) -> None:
    tried = CASES[case]
    row = tried.row(account)
    page = staff_client.post(address_of(case, row), SURE | tried.typed | ruin)
    assert page.status_code == 200
    assert words in page.content.decode()
    assert not AuditEntry.objects.exists()


def test_what_is_over_already_is_refused_in_plain_words(
    staff_client: Client, account: Account
) -> None:
    delivery = failed_delivery(account)
    Fulfilment.objects.update(state="succeeded")
    replayed = rows.event(1, body="")
    link, waits = claimed(account, 2), unclaimed(account, 3)
    RefundRequest.objects.update(state="running")
    asked = Refund.objects.get()
    Refund.objects.update(state="requested")
    for case, row, words in (
        ("billing.fulfilment retry", delivery, "Only what failed"),
        ("billing.inboxevent replay", replayed, "not kept any more"),
        ("billing.keyplan send_link", link, "was claimed or its time is over"),
        ("billing.refund ask_again", asked, "is being asked already"),
        ("billing.keyplan set_limit", waits, "Nobody has taken this key"),
        ("billing.keyplan revoke", waits, "Nobody has taken this key"),
    ):
        page = staff_client.post(address_of(case, row), SURE | {"daily_limit": 1})
        assert words in page.content.decode()
    assert not AuditEntry.objects.exists()


def test_many_rows_are_acted_on_from_the_list_each_with_its_own_answer(
    staff_client: Client,
) -> None:
    good, running = rows.event(1), rows.event(2, state="running")
    address = reverse("admin:billing_inboxevent_changelist")
    chosen = {"action": "replay", "_selected_action": [good.pk, running.pk]}
    page = staff_client.post(address, chosen)
    assert "Apply once more" in page.content.decode()
    done = staff_client.post(address, chosen | SURE, follow=True).content.decode()
    assert "it is applied once more" in done
    assert "being worked on already" in done
    assert AuditEntry.objects.count() == 1


def test_a_key_made_by_hand_is_shown_once(staff_client: Client, account: Account) -> None:
    typed = CASES["customer issue_key"].typed
    address = address_of("customer issue_key", account)
    page = staff_client.post(address, SURE | typed, follow=True)
    assert "atelier_test_" in page.content.decode()
    key = ApiKey.objects.get()
    later = staff_client.get(reverse("admin:customer", args=[account.pk])).content.decode()
    assert key.prefix in later
    assert "shown only once" not in later


def test_an_act_goes_back_to_where_it_was_begun_and_nowhere_else(
    staff_client: Client, account: Account
) -> None:
    case = "billing.payment refund"
    row = paid(account)
    customer = reverse("admin:customer", args=[account.pk])
    for wanted, comes in (
        (customer, customer),
        ("https://evil.example/", reverse("admin:billing_payment_change", args=[row.pk])),
    ):
        typed = SURE | {"amount": "1", "next": wanted}
        assert staff_client.post(address_of(case, row), typed).headers["Location"] == comes


# --- Forms ------------------------------------------------------------------------------------
NEW_PRICE = {"amount": 900, "currency": "usd", "interval": "", "includes_tax": "on"}
OFFER = {
    "name": "A key",
    "code": "a-key",
    "kind": "one_off",
    "product": "prompts",
    "handler": "billing.key",
    "trial_days": 0,
    "position": 1,
    "entitlement": '{"plan": "basic", "daily_limit": 50, "days": 30}',
    **NEW_PRICE,
}
FORMS: dict[type[Any], dict[str, Any]] = {
    Offer: OFFER,
    TaxRate: {
        "country": "DE",
        "name": "VAT",
        "basis_points": 1900,
        "valid_from": "2026-01-01",
        "initial-valid_from": "2026-01-01",  # what the page had, as a browser sends it back
    },
    Seller: {"code": "us", "name": "Us Ltd", "country": "US"},
}


def test_nothing_else_about_money_is_edited_by_a_form(staff: User, rf: Any) -> None:
    request = rf.get("/")
    request.user = staff
    editable = {
        model
        for model, page in admin.site._registry.items()
        if model._meta.app_label in ("billing", "djstripe")
        and (page.has_change_permission(request) or page.has_add_permission(request))
    }
    assert editable == set(FORMS)
    assert not any(
        page.has_delete_permission(request)
        for model, page in admin.site._registry.items()
        if model._meta.app_label in ("billing", "djstripe")
    )


@pytest.mark.parametrize("model", FORMS, ids=lambda model: model.__name__)
def test_a_form_leaves_a_record_with_before_and_after(
    model: type[Any], staff_client: Client
) -> None:
    name = model._meta.model_name
    add = reverse(f"admin:billing_{name}_add")
    assert "required" in staff_client.post(add, FORMS[model]).content.decode()
    assert not model.objects.exists()
    answer = staff_client.post(add, FORMS[model] | {"reason": "A new one."})
    assert answer.status_code == 302, answer.content.decode()
    row = model.objects.get()
    assert AuditEntry.objects.get().action == f"billing.add_{name}"
    change = reverse(f"admin:billing_{name}_change", args=[row.pk])
    assert "required" in staff_client.post(change, FORMS[model]).content.decode()
    typed = FORMS[model] | {"name": "Renamed", "reason": "A better name."}
    assert staff_client.post(change, typed).status_code == 302
    entry = AuditEntry.objects.latest("pk")
    assert (entry.before, entry.after) == ({"name": FORMS[model]["name"]}, {"name": "Renamed"})
    assert staff_client.post(change, typed).status_code == 302  # nothing changed: no record
    assert AuditEntry.objects.count() == 2


def test_a_new_offer_comes_with_its_first_price_and_can_be_published(
    staff_client: Client,
) -> None:
    add = reverse("admin:billing_offer_add")
    staff_client.post(add, OFFER | {"reason": "New."})
    row = Offer.objects.get()
    assert row.price is not None
    assert (row.price.amount, row.price.currency, row.published) == (900, "USD", False)
    assert (
        "Not on sale"
        not in staff_client.get(
            reverse("admin:billing_offer_change", args=[row.pk])
        ).content.decode()
    )
    staff_client.post(address_of("billing.offer publish", row), SURE)
    row.refresh_from_db()
    assert row.published


def test_a_bad_first_price_is_refused_on_the_form(staff_client: Client) -> None:
    add = reverse("admin:billing_offer_add")
    page = staff_client.post(add, OFFER | {"currency": "1", "reason": "New."})
    assert "Three capital letters" in page.content.decode()
    assert not Price.objects.exists()


def test_an_offer_that_cannot_be_sold_is_not_published(
    staff_client: Client, account: Account
) -> None:
    row = offer(account, published=False)
    Price.objects.update(entitlement={})
    page = staff_client.post(address_of("billing.offer publish", row), SURE)
    assert "It cannot be published" in page.content.decode()


def test_the_change_of_a_keys_limit_is_recorded(staff_client: Client, account: Account) -> None:
    key, _ = keys.issue(account, name="Shop", daily_limit=5)
    typed = {"account": account.pk, "name": "Shop", "scopes": "prompts", "daily_limit": 9}
    address = reverse("admin:accounts_apikey_change", args=[key.pk])
    staff_client.post(address, typed | {"reason": "Busy."})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == (
        "accounts.change_key",
        {"daily_limit": "5"},
        {"daily_limit": "9"},
    )


def test_a_correction_that_failed_leaves_nothing(staff_client: Client, account: Account) -> None:
    wallet = credits.wallet_of(account)
    staff_client.post(address_of("billing.wallet adjust", wallet), SURE | {"amount": "-3"})
    assert not Adjustment.objects.exists()
