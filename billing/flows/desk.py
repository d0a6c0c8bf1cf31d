"""The staff desk: what staff do by hand that belongs to no other flow. Each act is recorded."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.flows.audit import audited, recording
from accounts.models import User
from billing.errors import BillingError
from billing.flows import keyplans, ledgers
from billing.models import (
    KeyPlan,
    Offer,
    Price,
    ReconciliationRun,
    Refund,
    RefundRequest,
    RefundState,
)
from common.jobs import JobState

LEDGERS = "ledgers"  # what a run over our own books is called, beside those of the providers


@audited("billing.publish_offer", "published")
def publish(offer: Offer, *, actor: User, reason: str) -> None:
    """Put an offer on sale. Raises BillingError where it cannot be sold as it stands."""
    row = Offer.objects.select_for_update().get(pk=offer.pk)
    if found := row.problems():
        raise BillingError("not_sellable", f"It cannot be published: {'; '.join(found)}.")
    Offer.objects.filter(pk=row.pk).update(published=True)


@audited("billing.unpublish_offer", "published")
def unpublish(offer: Offer, *, actor: User, reason: str) -> None:
    """Take an offer off sale; what was bought goes on, renewals too."""
    Offer.objects.filter(pk=offer.pk).update(published=False)


def first_price(offer: Offer, **values: Any) -> Price:
    """Give an offer that has none its first price, in the caller's transaction."""
    with transaction.atomic():
        price = Price.objects.create(offer=offer, **values)
        offer.price = price
        offer.save(update_fields=["price"])
    return price


@audited("billing.send_claim_link", "email", "claimed_at")
def send_link(plan: KeyPlan, *, actor: User, reason: str) -> None:
    """Mail a new claim link for every key that waits at a plan's address.

    Raises BillingError where this one cannot be claimed, AccountsError where none waits.
    """
    if not plan.is_claimable:
        raise BillingError("nothing_to_claim", "This key was claimed or its time is over.")
    keyplans.send_links(plan.email)


@audited("billing.ask_refund_again", "state", "ref")
def ask_again(refund: Refund, *, actor: User, reason: str) -> None:
    """Ask the provider again for a refund that nobody could ask for. Raises BillingError.

    Only while the refund itself is open: the provider knows our key, so it still happens once.
    """
    if refund.state != RefundState.REQUESTED:
        raise BillingError(
            "not_open", "This refund is decided. If it failed, refund the payment once more."
        )
    job = RefundRequest.objects.filter(refund=refund).first()
    waiting = RefundRequest.objects.needing_attention().filter(refund=refund)
    if job is None or not waiting.update(
        state=JobState.QUEUED, attempts=0, run_after=timezone.now(), finished_at=None
    ):
        raise BillingError("under_way", "The provider is being asked already.")
    job.ring()


def check_ledgers(*, actor: User) -> ReconciliationRun:
    """Prove the coins now, as every night; return the run with the number of problems."""
    now = timezone.now()
    run = ReconciliationRun.objects.create(gateway=LEDGERS, since=now, started_at=now)
    left = ledgers.check()
    with recording(
        [run], "billing.check_ledgers", "left_open", actor=actor, reason="", needs_reason=False
    ):
        run.left_open, run.finished_at = left, timezone.now()
        run.save(update_fields=["left_open", "finished_at"])
    return run
