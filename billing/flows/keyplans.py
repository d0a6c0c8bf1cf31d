"""Paid API keys: a claim link after payment, the key shown once, longer with each renewal."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.flows import keys
from accounts.flows.audit import audited
from accounts.models import Account, ApiKey, User, digest_of
from accounts.models.key import MOST_UNITS, ApiKeyQuerySet
from billing import emails
from billing.errors import BillingError
from billing.models import GRACE, Fulfilment, KeyPlan, Order, OrderState, SubscriptionState

ENDED = (SubscriptionState.CANCELED, SubscriptionState.INCOMPLETE_EXPIRED)
TARGET = "key:"  # an order's target: the key that is to last longer
PAID = (OrderState.PAID, OrderState.PARTLY_REFUNDED)


def problems(entitlement: dict[str, Any]) -> list[str]:
    """Return what is wrong with a template: {"plan": "basic", "daily_limit": 50, "days": 30}."""
    known = {"plan", "daily_limit", "days"}
    found = [f"it has an unknown field {name}" for name in sorted(set(entitlement) - known)]
    plan = entitlement.get("plan")
    if not isinstance(plan, str) or not 1 <= len(plan) <= 40:
        found.append("its plan is not a name of at most 40 letters")
    for name, most in (("daily_limit", MOST_UNITS), ("days", 3660)):
        value = entitlement.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            found.append(f"its {name} is not a whole number from 1 to {most}")
    return found


def extendable(template: dict[str, Any]) -> ApiKeyQuerySet:
    """Return the keys a template makes last longer: bought once, with the very same plan.

    A subscription's key has an end of its own; under another plan days would change their price.
    """
    found: ApiKeyQuerySet = ApiKey.objects.filter(
        revoked_at__isnull=True,
        expires_at__isnull=False,
        plan_bought__plan=template["plan"],
        plan_bought__daily_limit=template["daily_limit"],
        plan_bought__order__subscription__isnull=True,
    )
    return found


# --- Delivering -------------------------------------------------------------------------------
@transaction.atomic
def fulfil(fulfilment: Fulfilment) -> None:
    """Prepare a key and mail its claim link; a renewal or a target `key:<id>` lasts longer."""
    if fulfilment.subscription_id:
        _fulfil_period(fulfilment)
    elif not KeyPlan.objects.filter(order=fulfilment.order_id).exists() and not _extend(fulfilment):
        days = timedelta(days=fulfilment.entitlement["days"])
        _prepare(fulfilment, timezone.now() + days)


def _prepare(fulfilment: Fulfilment, expires_at: datetime) -> None:
    """Make the plan and mail its link, once for each order."""
    token = new_token()
    plan, created = KeyPlan.objects.get_or_create(
        order=fulfilment.order, defaults=_columns(fulfilment, token, expires_at)
    )
    if created and plan.email:
        emails.key_ready(plan, link(token), dedupe_key=f"key:{fulfilment.dedupe_key}")


def _columns(fulfilment: Fulfilment, token: str, expires_at: datetime) -> dict[str, Any]:
    order, template = fulfilment.order, fulfilment.entitlement
    return {
        "account": order.account,
        "plan": template["plan"],
        "daily_limit": template["daily_limit"],
        "expires_at": expires_at,
        "email": _address(order),
        "claim_digest": digest_of(token),
    }


def _address(order: Order) -> str:
    author = order.author.email if order.author else ""
    return str(order.buyer.get("email") or author or order.account.email)


def _extend(fulfilment: Fulfilment) -> bool:
    """Let the order's target last longer. False: there is no such key, or it does not fit.

    The order gets a plan that is claimed already: it says that this happened, once.
    """
    key = _target(fulfilment.order, fulfilment.entitlement)
    if key is None or key.expires_at is None:
        return False
    now = timezone.now()
    key.expires_at = max(now, key.expires_at) + timedelta(days=fulfilment.entitlement["days"])
    key.save(update_fields=["expires_at"])
    columns = _columns(fulfilment, new_token(), key.expires_at)
    KeyPlan.objects.create(order=fulfilment.order, claimed_at=now, **columns)
    return True


def _target(order: Order, template: dict[str, Any]) -> ApiKey | None:
    """Return the key an order is for, locked; only one of the same account and plan."""
    number = order.target.removeprefix(TARGET)
    if not order.target.startswith(TARGET) or not number.isdecimal():
        return None
    # Only the key itself: PostgreSQL locks no row that an outer join may leave out.
    rows = extendable(template).select_for_update(of=("self",))
    return rows.filter(pk=number, account=order.account_id).first()


def _set_plan(row: ApiKey | KeyPlan, plan: str, daily_limit: int) -> None:
    row.plan, row.daily_limit = plan, daily_limit


def _fulfil_period(fulfilment: Fulfilment) -> None:
    """Begin with a subscription's first period, go on with each later one; never shorten."""
    subscription = fulfilment.subscription
    assert subscription is not None
    if subscription.state in ENDED:
        return
    expires_at = (fulfilment.period_end or timezone.now()) + GRACE
    plan = _locked(fulfilment.order_id)
    if plan is None:
        _prepare(fulfilment, expires_at)
        return
    # The subscription's own price: the invoice of an earlier plan may arrive after the change.
    template = subscription.price.entitlement
    changed = (plan.plan, plan.daily_limit) != (template["plan"], template["daily_limit"])
    for row in (plan, _key_of(plan)):
        if row is None:
            continue
        if changed:  # else the key keeps a limit that staff gave it
            _set_plan(row, template["plan"], template["daily_limit"])
        if row.expires_at is not None:
            row.expires_at = max(row.expires_at, expires_at)
        row.save(update_fields=["plan", "daily_limit", "expires_at"])


def _locked(order_id: int) -> KeyPlan | None:
    return KeyPlan.objects.select_for_update().filter(order=order_id).first()


def _key_of(plan: KeyPlan) -> ApiKey | None:
    if plan.api_key_id is None:
        return None
    return ApiKey.objects.select_for_update().filter(pk=plan.api_key_id).first()


# --- Taking back ------------------------------------------------------------------------------
@transaction.atomic
def withdraw(fulfilment: Fulfilment) -> None:
    """Revoke or shorten the key of a refund, lost dispute or lapse. A partial refund keeps it."""
    plan = _locked(fulfilment.order_id)
    delivered = fulfilment.undoes
    if plan is None or delivered is None:
        return
    if fulfilment.cause == Fulfilment.Cause.LAPSE:
        subscription = fulfilment.subscription
        if subscription is None or not subscription.runs:  # it may have been paid again meanwhile
            _end(plan, timezone.now())
    elif not fulfilment.is_total:
        return
    elif fulfilment.subscription_id:
        end = delivered.period_end
        if end is None or plan.expires_at <= end + GRACE:  # no later period was paid
            _end(plan, max(delivered.period_start or timezone.now(), timezone.now()))
    elif KeyPlan.objects.filter(pk=plan.pk, withdrawn_at__isnull=True).update(
        withdrawn_at=timezone.now()
    ):
        _withdraw_once(plan, delivered.entitlement)


def _end(plan: KeyPlan, at: datetime) -> None:
    """Let a plan and its key end; the key is not revoked, a later payment brings it back."""
    KeyPlan.objects.filter(pk=plan.pk, expires_at__gt=at).update(expires_at=at)
    later = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    ApiKey.objects.filter(later, plan_bought=plan).update(expires_at=at)


def _withdraw_once(plan: KeyPlan, template: dict[str, Any]) -> None:
    """Take an order's days from its key; revoke it where no other paid order stands behind it."""
    key = _key_of(plan)
    if key is None and plan.claimed_at:
        key = _target(plan.order, template)
    if key is None:
        return
    others = _others(key, plan)
    if not others:
        keys.revoke(key)
    elif key.expires_at is not None and not _used_up(plan, others):
        key.expires_at -= timedelta(days=template["days"])
        key.save(update_fields=["expires_at"])


def _others(key: ApiKey, plan: KeyPlan) -> list[KeyPlan]:
    """Return the other plans that keep a key. It is locked: two refunds see one another."""
    extension = Q(
        order__target=f"{TARGET}{key.pk}",
        order__account=key.account_id,
        api_key__isnull=True,
        claimed_at__isnull=False,
    )
    paid = KeyPlan.objects.filter(withdrawn_at__isnull=True, order__state__in=PAID)
    return list(paid.filter(Q(api_key=key) | extension).exclude(pk=plan.pk).order_by("pk"))


def _used_up(plan: KeyPlan, others: list[KeyPlan]) -> bool:
    """Whether a plan's days were over before the key was extended: later days are not its own."""
    end = plan.expires_at
    for later in others:
        if later.pk > plan.pk:
            if later.claimed_at is not None and later.claimed_at > end:
                return True
            end = later.expires_at
    return False


# --- Claiming ---------------------------------------------------------------------------------
def new_token() -> str:
    """Return what a claim link carries; only its digest is stored."""
    return secrets.token_urlsafe(32)


def link(token: str) -> str:
    """Return the address that shows the key."""
    return f"{settings.PUBLIC_BASE_URL}/claim/{token}"


def find(token: str) -> KeyPlan:
    """Return the plan a claim link is for. Raises BillingError."""
    plan = KeyPlan.objects.filter(claim_digest=digest_of(token)).first()
    if plan is None:
        raise BillingError(
            "claim_unknown",
            "We don't know this link. A newer mail may have replaced it.",
            status=404,
        )
    if not plan.is_claimable:
        raise _not_claimable(plan)
    return plan


def _not_claimable(plan: KeyPlan) -> BillingError:
    if plan.withdrawn_at is not None:
        return BillingError("claim_withdrawn", "This key was paid back, so it can't be claimed.")
    if plan.claimed_at is not None:
        return BillingError("claim_used", "This key was shown already. We show it only once.")
    return BillingError("claim_expired", "The time this key was paid for is over.", status=410)


def claim(plan: KeyPlan, *, user: User | None = None) -> tuple[ApiKey, str]:
    """Make the key, once, and return it with its text, which is stored nowhere.

    Raises BillingError where it was claimed or withdrawn, or its time is over.
    """
    now = timezone.now()
    with transaction.atomic():
        taken = KeyPlan.objects.filter(
            pk=plan.pk, claimed_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=now
        ).update(claimed_at=now)
        plan.refresh_from_db()
        if not taken:
            raise _not_claimable(plan)
        key, text = keys.issue(
            plan.account,
            name=f"{plan.plan.capitalize()} plan",
            author=user,
            email=plan.email,
            plan=plan.plan,
            daily_limit=plan.daily_limit,
            expires_at=plan.expires_at,
        )
        KeyPlan.objects.filter(pk=plan.pk).update(api_key=key)
        plan.api_key = key
    return key, text


def send_links(email: str) -> None:
    """Send a new claim link for every unclaimed plan of an address; the old links die.

    Raises AccountsError where there is none: that is what those who resend mails expect.
    """
    claimable = KeyPlan.objects.filter(
        claimed_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=timezone.now()
    )
    sent = 0
    with transaction.atomic():
        for plan in claimable.filter(email__iexact=email):
            token = new_token()
            if claimable.filter(pk=plan.pk).update(claim_digest=digest_of(token)):
                emails.key_ready(plan, link(token))
                sent += 1
    if not sent:
        raise AccountsError("no_key_waits", "No key waits to be claimed at that address.")


# --- Staff ------------------------------------------------------------------------------------
@audited("billing.issue_key", "name")
def issue_by_staff(
    account: Account,
    *,
    plan: str,
    daily_limit: int,
    days: int,
    email: str,
    actor: User,
    reason: str,
) -> tuple[ApiKey, str]:
    """Make a key for an account by hand; return it with its text. Raises BillingError."""
    _check_limit(daily_limit)
    if not 1 <= days <= 3660:
        raise BillingError("bad_days", "A key lasts from 1 to 3660 days.")
    return keys.issue(
        account,
        name=f"{plan.capitalize() or 'Staff'} plan",
        author=actor,
        email=email,
        plan=plan,
        daily_limit=daily_limit,
        expires_at=timezone.now() + timedelta(days=days),
    )


@audited("billing.set_key_limit", "daily_limit")
def set_limit(key: ApiKey, daily_limit: int, *, actor: User, reason: str) -> None:
    """Give a key a daily limit of its own; renewals keep it. Raises BillingError."""
    _check_limit(daily_limit)
    ApiKey.objects.filter(pk=key.pk).update(daily_limit=daily_limit)


@audited("billing.revoke_key", "revoked_at")
def revoke(key: ApiKey, *, actor: User, reason: str) -> None:
    """Refuse a key from now on."""
    keys.revoke(key)


def _check_limit(daily_limit: int) -> None:
    if not 0 <= daily_limit <= MOST_UNITS:
        raise BillingError("bad_limit", f"A daily limit is a number from 0 to {MOST_UNITS}.")
