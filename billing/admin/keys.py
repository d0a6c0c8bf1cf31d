"""Staff: paid keys, what plans give, and what was used of it."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import ApiKey
from accounts.models.key import MOST_UNITS
from billing.admin.base import MoneyAdmin
from billing.admin.shown import row_link
from billing.errors import BillingError
from billing.flows import desk, keyplans
from billing.models import AccountUsage, Entitlement, KeyPlan, UsageCounter
from billing.templatetags.money import feature
from common.staff import Act, AttentionFilter, ReasonForm


class LimitForm(ReasonForm):
    """A daily limit of a key's own."""

    daily_limit = forms.IntegerField(
        label="Units a day", min_value=0, max_value=MOST_UNITS, help_text="From the next call on."
    )
    field_order = ("daily_limit", "reason")

    def suggested(self, row: KeyPlan) -> dict[str, Any]:
        """Begin with the limit it has."""
        return {"daily_limit": row.api_key.daily_limit if row.api_key else row.daily_limit}


def _send_link(row: KeyPlan, actor: Any, values: dict[str, Any]) -> str:
    desk.send_link(row, actor=actor, reason=values["reason"])
    return f"A new link is on its way to {row.email}; older ones do not work any more."


def _key_of(row: KeyPlan) -> ApiKey:
    if row.api_key is None:
        raise BillingError("not_claimed", "Nobody has taken this key yet.")
    return row.api_key


def _set_limit(row: KeyPlan, actor: Any, values: dict[str, Any]) -> str:
    keyplans.set_limit(_key_of(row), values["daily_limit"], actor=actor, reason=values["reason"])
    return f"{row.api_key}: {values['daily_limit']} units a day from the next call on."


def _revoke(row: KeyPlan, actor: Any, values: dict[str, Any]) -> str:
    keyplans.revoke(_key_of(row), actor=actor, reason=values["reason"])
    return f"{row.api_key} is refused from now on."


def _claimed(row: KeyPlan) -> bool:
    return row.api_key is not None and row.api_key.revoked_at is None


class Unclaimed(AttentionFilter):
    """Keys that were paid for days ago and that nobody has taken yet."""

    AFTER = timedelta(days=3)

    def narrow(self, queryset: Any) -> Any:
        """Return those."""
        return queryset.filter(
            claimed_at__isnull=True,
            withdrawn_at__isnull=True,
            expires_at__gt=timezone.now(),
            created_at__lt=timezone.now() - self.AFTER,
        )


@admin.register(KeyPlan)
class KeyPlanAdmin(MoneyAdmin):
    """Keys that were paid for. The key is made, and shown once, when its link is opened."""

    list_display = ("plan", "customer", "email", "daily_limit", "expires_at", "claimed_at")
    list_filter = (Unclaimed, "plan")
    list_select_related = ("account",)
    search_fields = ("email", "account__name", "api_key__prefix", "order__uuid__istartswith")
    date_hierarchy = "created_at"
    fields = (
        *("plan", "customer", "email", "daily_limit", "expires_at", "order_link", "key_link"),
        *("claimed_at", "withdrawn_at", "created_at"),
    )
    acts = (
        Act(
            "send_link",
            "Send a new link…",
            _send_link,
            fits=lambda row: row.is_claimable,
            explain="Every key that waits at this address gets a new link by mail.",
        ),
        Act("set_limit", "Change the limit…", _set_limit, LimitForm, many=False, fits=_claimed),
        Act(
            "revoke",
            "Revoke the key…",
            _revoke,
            many=False,
            fits=_claimed,
            explain="Programs that use it fail at once. It cannot be undone.",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of a row in the same query."""
        return super().get_queryset(request).select_related("account", "order", "api_key")

    @admin.display(description="Order")
    def order_link(self, row: KeyPlan) -> SafeString | str:
        """Link to the order."""
        return row_link(row.order)

    @admin.display(description="Key")
    def key_link(self, row: KeyPlan) -> SafeString | str:
        """Link to the key, once it was claimed."""
        return row_link(row.api_key)


@admin.register(Entitlement)
class EntitlementAdmin(MoneyAdmin):
    """What accounts may do, from when to when, and why."""

    list_display = ("feature_shown", "customer", "limit", "source", "valid_from", "valid_to")
    list_filter = ("feature",)
    list_select_related = ("account",)
    search_fields = ("source", "account__name", "account__email")
    date_hierarchy = "valid_from"
    fields = ("customer", "feature_shown", "limit", "source", "valid_from", "valid_to")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the account in the same query."""
        return super().get_queryset(request).select_related("account")

    @admin.display(description="Gives", ordering="feature")
    def feature_shown(self, row: Entitlement) -> str:
        """Return the name of the feature."""
        return feature(row.feature)


@admin.register(AccountUsage)
class AccountUsageAdmin(MoneyAdmin):
    """What accounts used; written by the meters only."""

    list_display = ("customer", "feature_shown", "period_start", "used")
    list_filter = ("meter",)
    list_select_related = ("account",)
    list_display_links = ("feature_shown",)
    search_fields = ("account__name", "account__email")
    date_hierarchy = "period_start"
    fields = ("customer", "feature_shown", "period_start", "used")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the account in the same query."""
        return super().get_queryset(request).select_related("account")

    @admin.display(description="Meter", ordering="meter")
    def feature_shown(self, row: AccountUsage) -> str:
        """Return the name of what is counted."""
        return feature(row.meter)


@admin.register(UsageCounter)
class UsageCounterAdmin(MoneyAdmin):
    """What keys used; written by the quota flow only."""

    list_display = ("api_key", "meter", "period_start", "used")
    list_filter = ("meter",)
    list_select_related = ("api_key",)
    search_fields = ("api_key__prefix", "api_key__name", "api_key__email")
    date_hierarchy = "period_start"
    fields = ("api_key", "meter", "period_start", "used")
