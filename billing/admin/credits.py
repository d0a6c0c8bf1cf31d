"""Staff: wallets, their ledger, grants and holds."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from billing.admin.base import MoneyAdmin
from billing.admin.panels import MOST, Panel, whole_list
from billing.admin.shown import customer_link, moment, row_link, state_of
from billing.flows import credits
from billing.models import Adjustment, Grant, Hold, LedgerEntry, Wallet
from billing.templatetags.money import change, coins
from common.staff import Act, AttentionFilter, ReasonForm


class AdjustForm(ReasonForm):
    """How many coins, and why."""

    amount = forms.DecimalField(
        label="Coins",
        max_digits=12,
        decimal_places=2,
        help_text="As many are added; with a minus, taken away. Coins added pay a debt first.",
    )
    field_order = ("amount", "reason")

    def clean_amount(self) -> int:
        """Return hundredths."""
        return int(self.cleaned_data["amount"] * credits.COIN)


def adjust(wallet: Wallet, actor: Any, values: dict[str, Any]) -> str:
    """Correct a wallet, and say so."""
    row = credits.adjust(wallet, values["amount"], actor=actor, reason=values["reason"])
    return f"{change(row.amount)} coins for {wallet.account}."


ADJUST = Act("adjust", "Add or take coins…", adjust, AdjustForm, many=False)


class InDebt(AttentionFilter):
    """Wallets that cannot spend because of a debt."""

    def narrow(self, queryset: Any) -> Any:
        """Return those."""
        return queryset.filter(debt__gt=0)


class CoinColumns:
    """Columns of rows that belong to a wallet."""

    @admin.display(description="Account", ordering="wallet__account__name")
    def owner(self, row: Any) -> SafeString | str:
        """Link to the customer page."""
        return customer_link(row.wallet.account)

    @admin.display(description="Wallet")
    def wallet_link(self, row: Any) -> SafeString | str:
        """Link to the wallet."""
        return row_link(row.wallet)

    @admin.display(description="Coins", ordering="amount")
    def coins_shown(self, row: Any) -> str:
        """Return the amount in coins."""
        return coins(row.amount)


@admin.register(Wallet)
class WalletAdmin(MoneyAdmin):
    """The coins of each account. The ledger below says where they came from and went."""

    list_display = ("customer", "balance_shown", "debt_shown")
    list_filter = (InDebt,)
    list_select_related = ("account",)
    list_display_links = ("balance_shown",)
    search_fields = ("account__name", "account__email")
    ordering: ClassVar = ("-pk",)
    fields = ("customer", "balance_shown", "debt_shown")
    acts = (ADJUST,)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the account in the same query."""
        return super().get_queryset(request).select_related("account")

    @admin.display(description="Balance", ordering="balance")
    def balance_shown(self, row: Wallet) -> str:
        """Return what can be spent."""
        return coins(row.balance)

    @admin.display(description="Debt", ordering="debt")
    def debt_shown(self, row: Wallet) -> str:
        """Return what was spent and then refunded."""
        return coins(row.debt) if row.debt else "–"

    def panels(self, request: HttpRequest, row: Wallet) -> Sequence[Panel]:
        """Show the newest entries, grants, holds and corrections."""
        return [entries(row), _grants(row), _holds(row), _corrections(row)]


def entries(wallet: Wallet, most: int = MOST) -> Panel:
    """Return the newest entries of a wallet."""
    table = [
        (
            moment(row.at),
            row.get_kind_display(),
            change(row.amount),
            coins(row.balance_after),
            change(row.debt_change) if row.debt_change else "–",
            row.ref,
        )
        for row in credits.history(wallet)[:most]
    ]
    head = ("When", "What", "Coins", "Balance after", "Debt", "Reference")
    more = whole_list("ledgerentry", wallet__id__exact=wallet.pk)
    return Panel("Ledger", head, table, "No coins have moved.", more)


def _grants(wallet: Wallet) -> Panel:
    table = [
        (row_link(row, row.ref), coins(row.amount), coins(row.remaining), moment(row.expires_at))
        for row in wallet.grants.order_by("-pk")[:MOST]
    ]
    head = ("Given for", "Coins", "Left", "Expires")
    return Panel("Grants", head, table, more=whole_list("grant", wallet__id__exact=wallet.pk))


def _holds(wallet: Wallet) -> Panel:
    table = [
        (row_link(row, row.ref), coins(row.amount), coins(row.captured), state_of(row))
        for row in wallet.holds.order_by("-pk")[:MOST]
    ]
    head = ("For", "Set aside", "Spent", "State")
    return Panel("Holds", head, table, more=whole_list("hold", wallet__id__exact=wallet.pk))


def _corrections(wallet: Wallet) -> Panel:
    rows = Adjustment.objects.filter(wallet=wallet).select_related("author")[:MOST]
    table = [(moment(r.created_at), change(r.amount), r.reason, r.author or "–") for r in rows]
    return Panel("Corrections", ("When", "Coins", "Why", "By"), table)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(CoinColumns, MoneyAdmin):
    """Every change of every wallet. The database itself refuses to change or delete one."""

    list_display = ("pk", "owner", "kind", "changed", "after", "ref", "at")
    list_filter = ("kind",)
    list_select_related = ("wallet__account",)
    search_fields = ("ref__startswith", "wallet__account__name", "wallet__account__email")
    search_help_text = "Start of the reference, account or e-mail"
    date_hierarchy = "at"
    fields = ("wallet_link", "kind", "ref", "changed", "after", "debt_change", "debt_after", "at")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the account in the same query."""
        return super().get_queryset(request).select_related("wallet__account")

    @admin.display(description="Coins", ordering="amount")
    def changed(self, row: LedgerEntry) -> str:
        """Return the change with its sign."""
        return change(row.amount)

    @admin.display(description="Balance after")
    def after(self, row: LedgerEntry) -> str:
        """Return the balance after it."""
        return coins(row.balance_after)


@admin.register(Grant)
class GrantAdmin(CoinColumns, MoneyAdmin):
    """Coins given at one time for one reason."""

    list_display = ("ref", "owner", "coins_shown", "left", "expires_at", "created_at")
    list_select_related = ("wallet__account",)
    search_fields = ("ref", "wallet__account__name", "wallet__account__email")
    date_hierarchy = "created_at"
    fields = ("wallet_link", "ref", "coins_shown", "left", "back", "expires_at", "created_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the account in the same query."""
        return super().get_queryset(request).select_related("wallet__account")

    @admin.display(description="Left", ordering="remaining")
    def left(self, row: Grant) -> str:
        """Return what is neither spent nor held."""
        return coins(row.remaining)

    @admin.display(description="Taken back")
    def back(self, row: Grant) -> str:
        """Return what was taken back."""
        return coins(row.withdrawn)


class Overdue(AttentionFilter):
    """Open holds whose time is over: the sweep should have given them back."""

    def narrow(self, queryset: Any) -> Any:
        """Return those."""
        return queryset.filter(state="open", expires_at__lt=timezone.now())


@admin.register(Hold)
class HoldAdmin(CoinColumns, MoneyAdmin):
    """Coins set aside for work that is under way."""

    list_display = ("ref", "owner", "coins_shown", "state_shown", "expires_at", "created_at")
    list_filter = (Overdue, "state")
    list_select_related = ("wallet__account",)
    search_fields = ("ref", "wallet__account__name", "wallet__account__email")
    date_hierarchy = "created_at"
    fields = (
        *("wallet_link", "ref", "coins_shown", "spent", "state_shown", "expires_at"),
        *("created_at", "settled_at"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the account in the same query."""
        return super().get_queryset(request).select_related("wallet__account")

    @admin.display(description="Spent in the end")
    def spent(self, row: Hold) -> str:
        """Return what was spent."""
        return coins(row.captured)
