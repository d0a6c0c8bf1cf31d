"""Checks of what money needs: the settings, and what is published for sale."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from billing import gateways
from billing.flows import catalogue
from billing.models import Seller


@register()
def handlers_exist(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every path in FULFILMENT must be a function, and fulfil and withdraw must both be there."""
    messages: list[CheckMessage] = []
    for name, verbs in settings.FULFILMENT.items():
        for verb in sorted({"fulfil", "withdraw"} - set(verbs)):
            messages.append(Error(f"FULFILMENT[{name!r}] has no {verb!r}.", id="billing.E001"))
        for verb, path in verbs.items():
            try:
                import_string(path)
            except ImportError as error:
                messages.append(
                    Error(f"FULFILMENT[{name!r}][{verb!r}]: {error}", id="billing.E002")
                )
    return messages


@register()
def webhooks_are_signed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A Stripe key without a webhook secret means: events are refused."""
    if not settings.STRIPE_API_KEY or settings.STRIPE_WEBHOOK_SECRETS:
        return []
    return [
        Warning(
            "STRIPE_WEBHOOK_SECRET is not set, so every event of Stripe's is refused; payments are "
            "settled by the success page and the hourly comparison only.",
            hint="Make an endpoint at Stripe for /stripe/webhook and set its signing secret.",
            id="billing.W001",
        )
    ]


@register()
def stripe_is_real(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Production must not sell for test money, nor talk to another address than Stripe's."""
    messages: list[CheckMessage] = []
    if not settings.IS_PRODUCTION:
        return messages
    if settings.STRIPE_API_URL:
        messages.append(
            Error(
                "STRIPE_API_URL is for tests and must not be set in production.", id="billing.E003"
            )
        )
    if gateways.sells_for_nothing():
        messages.append(
            Error(
                "STRIPE_API_KEY is a test key, so nothing can be bought: buyers would get what "
                "they order and pay nothing.",
                hint="Set the live key, sk_live_… or rk_live_….",
                id="billing.E005",
            )
        )
    return messages


@register(Tags.database)
def offers_can_be_sold(
    app_configs: Any, databases: Any = None, **kwargs: Any
) -> list[CheckMessage]:
    """Every published offer must have a live price and a handler that takes its template."""
    if not databases or not _is_migrated():
        return []
    return [
        Error(
            f"Published, but cannot be sold: {problem}.",
            hint="Unpublish it in the admin, or mend it there.",
            id="billing.E004",
        )
        for problem in catalogue.problems()
    ]


@register(Tags.database)
def seller_is_known(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Invoices need the seller's address before anything is sold for real."""
    if not databases or not settings.IS_PRODUCTION or not settings.STRIPE_API_KEY:
        return []
    if not _is_migrated():
        return []
    if Seller.objects.filter(is_default=True).exclude(address="").exists():
        return []
    return [
        Warning(
            "The seller on invoices has no address yet.",
            hint="Fill it in under Billing, Sellers.",
            id="billing.W003",
        )
    ]


def _is_migrated() -> bool:
    """Whether the tables are as the code expects: `migrate` itself asks before it makes them."""
    plan = MigrationExecutor(connection)
    return not plan.migration_plan(plan.loader.graph.leaf_nodes("billing"))
