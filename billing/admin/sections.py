"""The parts of the customer page. Each is a function of the request and the account."""

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import CharField, Q
from django.db.models.functions import Cast
from django.http import HttpRequest

from accounts.models import Account, ApiKey, AuditEntry
from billing.admin import credits, panels
from billing.admin.panels import MOST, Panel, whole_list
from billing.admin.shown import badge, link, moment, row_link, state_of
from billing.flows import quotas
from billing.models import Dispute, Fulfilment, KeyPlan, Payment, Refund, Subscription, Wallet
from billing.templatetags.money import coins
from common.staff import act_url

SITE: Any = admin.site


def _may(request: HttpRequest, name: str) -> bool:
    user: Any = request.user
    return bool(user.has_perm(name))


def members(request: HttpRequest, account: Account) -> Panel | None:
    """Who acts for the account."""
    if not _may(request, "accounts.view_membership"):
        return None
    rows = account.memberships.select_related("user").order_by("pk")[:MOST]
    table = [
        (row_link(row.user), row.user.name or "–", row.get_role_display(), moment(row.created_at))
        for row in rows
    ]
    return Panel("Members", ("Person", "Name", "Role", "Since"), table, "Nobody: a guest.")


def orders(request: HttpRequest, account: Account) -> Panel | None:
    """What was bought."""
    more = whole_list("order", account__id__exact=account.pk)
    return panels.orders(account.orders.all(), more=more)


def payments(request: HttpRequest, account: Account) -> Panel | None:
    """What was paid."""
    if not _may(request, "billing.view_payment"):
        return None
    return panels.payments(request, Payment.objects.filter(order__account=account))


def refunds(request: HttpRequest, account: Account) -> Panel | None:
    """What went back."""
    if not _may(request, "billing.view_refund"):
        return None
    return panels.refunds(request, Refund.objects.filter(payment__order__account=account))


def disputes(request: HttpRequest, account: Account) -> Panel | None:
    """What is contested; nothing is shown where nothing is."""
    if not _may(request, "billing.view_dispute"):
        return None
    found = panels.disputes(Dispute.objects.filter(payment__order__account=account))
    return found if found.rows else None


def subscriptions(request: HttpRequest, account: Account) -> Panel | None:
    """What is paid again and again."""
    if not _may(request, "billing.view_subscription"):
        return None
    return panels.subscriptions(Subscription.objects.filter(account=account))


def keys(request: HttpRequest, account: Account) -> Panel | None:
    """The keys, with what each used today."""
    if not _may(request, "accounts.view_apikey"):
        return None
    rows = quotas.with_use(ApiKey.objects.filter(account=account))[:MOST]
    table = [
        (
            row_link(row, f"{row.prefix}…"),
            row.name,
            row.plan or "–",
            f"{getattr(row, 'used_today', None) or 0} of {row.daily_limit}",
            moment(row.expires_at) if row.expires_at else "never",
            badge("Live", "good") if row.is_live else badge("Over", "plain"),
            _revoke_link(request, row),
        )
        for row in rows
    ]
    head = ("Key", "Name", "Plan", "Used today", "Expires", "State", "")
    return Panel("API keys", head, table, "No keys.")


def _revoke_link(request: HttpRequest, row: ApiKey) -> Any:
    if not row.is_live or not _may(request, "accounts.change_apikey"):
        return ""
    query = urlencode({"next": request.get_full_path()})
    return link(f"{act_url(row, 'revoke_keys')}?{query}", "Revoke…")


def wallet(request: HttpRequest, account: Account) -> Panel | None:
    """The coins, and how they moved last."""
    if not _may(request, "billing.view_wallet"):
        return None
    found = Wallet.objects.filter(account=account).first()
    if found is None:
        return Panel("Coins", (), (), "This account never had any.")
    note = f"{coins(found.balance)} to spend" + (
        f", a debt of {coins(found.debt)}." if found.debt else "."
    )
    last = credits.entries(found, most=8)
    return Panel("Coins", last.head, last.rows, last.empty, last.more, note)


def troubles(request: HttpRequest, account: Account) -> Panel | None:
    """Deliveries that failed; nothing is shown where none did."""
    if not _may(request, "billing.view_fulfilment"):
        return None
    rows = Fulfilment.objects.needing_attention().filter(order__account=account)
    found = panels.fulfilments(request, rows)
    return Panel("Failed deliveries", found.head, found.rows) if found.rows else None


def mails(request: HttpRequest, account: Account) -> Panel | None:
    """What was written to them; a mail is sent again from its own page."""
    if not _may(request, "accounts.view_outgoingmail"):
        return None
    rows = account.mails.defer("sealed", "content").order_by("-pk")[:MOST]
    table = [
        (row_link(row, row.subject), row.to_email, state_of(row), moment(row.created_at))
        for row in rows
    ]
    return Panel("Mails", ("Subject", "To", "State", "When"), table, "No mails.")


def notes(request: HttpRequest, account: Account) -> Panel | None:
    """What staff noted."""
    if not _may(request, "accounts.view_accountnote"):
        return None
    rows = account.notes.select_related("author")[:MOST]
    table = [(row.text, row.author or "–", moment(row.at)) for row in rows]
    return Panel("Notes", ("Note", "By", "When"), table, "Nobody noted anything.")


# What belongs to an account, for the record of what staff did, and by which way.
OWNED: Final[dict[Any, str]] = {
    ApiKey: "account",
    KeyPlan: "account",
    Wallet: "account",
    Payment: "order__account",
    Refund: "payment__order__account",
    Fulfilment: "order__account",
}


def history(request: HttpRequest, account: Account) -> Panel | None:
    """What staff did to the account and to what belongs to it."""
    if not _may(request, "accounts.view_auditentry"):
        return None
    about = Q(model=Account._meta.label_lower, object_id=str(account.pk))
    for table, way in OWNED.items():
        pks = table.objects.filter(**{way: account}).annotate(text=Cast("pk", CharField()))
        about |= Q(model=table._meta.label_lower, object_id__in=pks.order_by().values("text"))
    rows = AuditEntry.objects.filter(about).select_related("actor")[:MOST]
    table_rows = [
        (row_link(row, row.action), row.label, row.reason or "–", row.actor or "–", moment(row.at))
        for row in rows
    ]
    return Panel("What staff did", ("Act", "To", "Why", "By", "When"), table_rows, "Nothing.")


# Consents, campaigns, print orders and the like come from their areas: add_customer_section.
for section in (
    *(notes, troubles, members, orders, payments, refunds, disputes, subscriptions),
    *(keys, wallet, mails, history),
):
    SITE.add_customer_section(section)
