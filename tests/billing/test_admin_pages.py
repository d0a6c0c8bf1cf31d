"""What staff see of money: lists that are narrowed, pages of one thing, and nothing secret."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from djstripe import models as mirrored

from accounts.models import Account, AuditEntry, User
from billing.flows import credits, refunds
from billing.models import Cost, Difference, Fulfilment, Invoice, Payment
from tests.billing import rows
from tests.billing.conftest import Buy
from tests.billing.test_admin_acts import member

pytestmark = pytest.mark.django_db
SECRET = "sk_live_open_sesame"


def text_of(client: Client, name: str, *args: Any, **query: Any) -> str:
    response = client.get(reverse(f"admin:{name}", args=args), query)
    assert response.status_code == 200, name
    return response.content.decode()


def test_an_order_shows_everything_that_came_of_it(
    staff_client: Client, account: Account, staff: User
) -> None:
    order = rows.order(1, account, staff)
    payment = rows.below(order)
    page = text_of(staff_client, "billing_order_change", order.pk)
    for words in (
        *(order.number, "$49.99", "buyer1@example.org", payment.ref, "$1.00"),
        *("broken on purpose", f"A-{payment.ref}", "1.75 USD", "margin 48.24 USD", "sub_1"),
        reverse("admin:customer", args=[account.pk]),
        reverse("billing:order", args=[order.uuid]),
        reverse("admin:billing_payment_do", args=[payment.pk, "refund"]),
        f"https://dashboard.stripe.com/test/payments/{payment.ref}",
    ):
        assert words in page, words
    assert 'name="_save"' not in page


@pytest.mark.parametrize(
    "text", ["number", "owner@example.org", "buyer1@example.org", "cs_1", "pi", "Olga"]
)
def test_an_order_is_found_by_what_people_write(
    text: str, staff_client: Client, account: Account
) -> None:
    Account.objects.filter(pk=account.pk).update(email="owner@example.org", name="Olga Owner")
    order, other = rows.order(1, account), rows.order(2, Account.objects.create(name="Other"))
    payment = rows.below(order)
    wanted = {"number": order.number, "pi": payment.ref}.get(text, text)
    page = text_of(staff_client, "billing_order_changelist", q=wanted)
    assert order.number in page
    assert other.number not in page


@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [
        ("fulfilment", {"state": "succeeded"}, {"state": "unsure"}),
        ("inboxevent", {"state": "succeeded"}, {"state": "failed"}),
        ("inboxevent", {"state": "queued"}, {"state": "queued", "created_at": "2026-01-01T00:00Z"}),
        ("order", {"state": "paid"}, {"state": "conflict"}),
        ("dispute", {"state": "won"}, {"state": "open"}),
        ("difference", {"state": "settled"}, {"state": "open"}),
        ("subscription", {"state": "active"}, {"state": "unpaid"}),
        ("refund", {"state": "succeeded"}, {"state": "failed"}),
        ("wallet", {"debt": 0}, {"debt": 5}),
        ("hold", {}, {"expires_at": "2026-01-01T00:00Z"}),
        ("keyplan", {}, {"created_at": "2026-01-01T00:00Z"}),
        ("reconciliationrun", {"left_open": 0}, {"left_open": 2}),
    ],
)
def test_a_list_is_narrowed_to_what_needs_attention(
    model: str, good: Any, bad: Any, staff_client: Client, account: Account, staff: User
) -> None:
    rows.everything(1, account, staff)
    Fulfilment.objects.update(state="succeeded")
    table = next(m for m in admin.site._registry if m._meta.label_lower == f"billing.{model}")
    for values, expected in ((good, 0), (bad, 1)):
        table._default_manager.update(**values)
        address = reverse(f"admin:billing_{model}_changelist")
        page = staff_client.get(address, {"attention": "yes"})
        assert page.context["cl"].result_count == expected, values


def test_the_page_of_a_row_links_to_what_staff_did_to_it(
    staff_client: Client, account: Account, staff: User
) -> None:
    payment = rows.below(rows.order(1, account))
    refunds.request(payment, 100, actor=staff, reason="The wrong size.")
    page = text_of(staff_client, "billing_payment_change", payment.pk)
    found = re.search(r'href="(/admin/accounts/auditentry/[^"]+)"', page)
    assert found is not None
    record = staff_client.get(found[1].replace("&amp;", "&")).content.decode()
    assert "The wrong size." in record
    entry = AuditEntry.objects.get()
    page = text_of(staff_client, "accounts_auditentry_change", entry.pk)
    assert "&quot;refunded&quot;: &quot;100&quot;" in page
    assert "The wrong size." in text_of(staff_client, "customer", account.pk)


def test_an_event_is_shown_for_reading_and_opens_no_door(staff_client: Client) -> None:
    page = text_of(staff_client, "billing_inboxevent_change", rows.event(1).pk)
    assert "client_secret" in page
    assert "secret_door" not in page


def test_an_invoice_opens_as_a_pdf_for_those_who_may_see_it(staff_client: Client, buy: Buy) -> None:
    buy("prompts-basic")
    row = Invoice.objects.get()
    address = reverse("admin:billing_invoice_pdf", args=[row.pk])
    answer = staff_client.get(address)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert member("print").get(address).status_code == 404


def test_nothing_staff_may_not_see_is_shown(account: Account) -> None:
    order = rows.order(1, account)
    rows.below(order)
    marketing = member("marketing")
    for model, page in admin.site._registry.items():
        if (
            model._meta.app_label not in ("billing", "djstripe")
            or model._meta.model_name == "offer"
        ):
            continue
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        assert marketing.get(reverse(f"admin:{name}_changelist")).status_code == 403, page
    for name in ("customers", "billing_margin", "billing_ledgers"):
        assert marketing.get(reverse(f"admin:{name}")).status_code == 403


def test_support_sees_every_table_of_money(account: Account, staff: User) -> None:
    rows.everything(1, account, staff)
    support = member("support")
    for model in admin.site._registry:
        if model._meta.app_label in ("billing", "djstripe"):
            name = f"{model._meta.app_label}_{model._meta.model_name}"
            assert support.get(reverse(f"admin:{name}_changelist")).status_code == 200, name
    for name in (
        "customers",
        "billing_margin",
        "billing_ledgers",
        "accounts_auditentry_changelist",
    ):
        assert support.get(reverse(f"admin:{name}")).status_code == 200


def test_the_record_of_what_staff_did_is_for_owners_and_support_only() -> None:
    for role, status in (("owner", 200), ("support", 200), ("marketing", 403), ("print", 403)):
        page = member(role).get(reverse("admin:accounts_auditentry_changelist"))
        assert page.status_code == status


def test_print_sees_orders_and_no_payments(account: Account) -> None:
    order = rows.order(1, account)
    rows.below(order)
    printer = member("print")
    page = text_of(printer, "billing_order_change", order.pk)
    assert "Refund…" not in page
    assert printer.get(reverse("admin:billing_payment_changelist")).status_code == 403


# --- Margin and ledgers -----------------------------------------------------------------------
def test_the_margin_page_adds_up(staff_client: Client, account: Account) -> None:
    order = rows.order(1, account)
    Payment.objects.filter(pk=rows.below(order).pk).update(tax=798, refunded=1000)
    page = text_of(staff_client, "billing_margin", days=7)
    cells = re.findall(r"<td>(.*?)</td>", page.partition('class="panel__table"')[2])
    # 3999 are kept, 638 of them tax (798 / 4999), 1.75 go to Stripe.
    assert cells[:5] == ["prompts", "49.99 USD", "−10.00 USD", "−6.38 USD", "33.61 USD"]
    assert cells[5:] == ["stripe 1.75 USD", "31.86 USD", "95 %"]


def test_the_margin_page_counts_only_its_period_and_keeps_currencies_apart(
    staff_client: Client, account: Account
) -> None:
    order = rows.order(1, account)
    rows.below(order)
    Payment.objects.update(succeeded_at="2020-01-01T00:00Z")
    Cost.objects.create(
        product="prompts", provider="fal", amount_micro=2_000_000, currency="EUR", ref="other"
    )
    page = text_of(staff_client, "billing_margin", days="365")
    assert "49.99" not in page
    assert "−2.00 EUR" in page and "−1.75 USD" in page
    assert "The last 30 days" in text_of(staff_client, "billing_margin", days="abc")


def test_the_ledgers_are_checked_by_a_button_and_problems_are_listed(
    staff_client: Client, account: Account
) -> None:
    address = reverse("admin:billing_ledgers")
    assert "Nothing: all coins" in staff_client.get(address).content.decode()
    page = staff_client.post(address, follow=True).content.decode()
    assert "Everything adds up" in page
    credits.grant(account, 500, ref="gift")
    type(account.wallet)._default_manager.update(balance=400)
    page = staff_client.post(address, follow=True).content.decode()
    assert "do not add up" in page
    assert f"ledger:wallet:{account.wallet.pk}" in page
    assert Difference.objects.filter(kind="ledger").count() >= 1


def test_only_those_who_may_close_differences_check_the_ledgers() -> None:
    client = member("print")
    right = Permission.objects.get(codename="view_ledgerentry")
    Group.objects.get(name="print").permissions.add(right)
    address = reverse("admin:billing_ledgers")
    assert "Check now" not in client.get(address).content.decode()
    assert client.post(address).status_code == 403


def test_the_start_page_links_to_the_pages_one_may_open(staff_client: Client) -> None:
    assert all(
        words in text_of(staff_client, "index") for words in ("Customers", "Margin", "Ledgers")
    )
    start = text_of(member("marketing"), "index")
    assert "/admin/customers/" not in start and "/admin/billing/margin/" not in start


# --- Stripe's mirror --------------------------------------------------------------------------
MIRRORED = [model for model in admin.site._registry if model._meta.app_label == "djstripe"]


def test_the_mirror_shows_no_table_with_a_secret() -> None:
    names = {model.__name__ for model in MIRRORED}
    assert len(names) == 11
    assert not names & {"APIKey", "WebhookEndpoint", "WebhookEventTrigger"}
    shown = {field.name for model in MIRRORED for field in model._meta.fields}
    assert not {"secret", "headers"} & shown
    for model in MIRRORED:
        assert type(admin.site._registry[model]).__mro__[1].__module__ == "billing.admin.mirror"


def copy_of(model: Any, data: dict[str, Any]) -> Any:
    """A row of the mirror as a sync would leave it, with the rows it must point to."""
    row = model(id=data["id"], livemode=False, created=timezone.now(), stripe_data=data)
    for column in model._meta.concrete_fields:
        if column.null or column.primary_key or getattr(row, column.attname) is not None:
            continue
        if column.is_relation:
            other = copy_of(column.related_model, {"id": f"{data['id']}_{column.name}"})
            setattr(row, column.attname, getattr(other, column.target_field.attname))
        else:
            setattr(row, column.attname, {} if column.name == "data" else 1)
    model._base_manager.bulk_create([row])
    return row


@pytest.mark.parametrize("model", MIRRORED, ids=lambda model: model.__name__)
def test_a_table_of_the_mirror_is_read_only_and_shows_no_secret(
    model: Any, staff_client: Client
) -> None:
    mirrored.APIKey.objects.create(id="key_1", type="secret", secret=SECRET, livemode=True)
    data = {"id": "x_1", "amount": 4999, "currency": "usd", "client_secret": SECRET}
    data |= {
        "nested": [{"webhook_secret": SECRET}],
        "status": "succeeded",
        "email": "a@example.org",
    }
    copy_of(model, data)
    name = f"djstripe_{model._meta.model_name}"
    pk = model._base_manager.get(id="x_1").pk
    pages = [text_of(staff_client, f"{name}_changelist", q="x_1"), text_of(staff_client, "index")]
    pages.append(text_of(staff_client, f"{name}_change", pk))
    assert "x_1" in pages[0] and "$49.99" in pages[2]
    assert not any(SECRET in page for page in pages)
    assert 'name="_save"' not in pages[2] and 'value="delete_selected"' not in pages[0]
    assert staff_client.get(reverse(f"admin:{name}_history", args=[pk])).status_code == 404
    for address in (reverse(f"admin:{name}_add"), reverse(f"admin:{name}_delete", args=[pk])):
        assert staff_client.post(address, {"post": "yes"}).status_code == 403
