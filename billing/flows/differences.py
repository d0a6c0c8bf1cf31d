"""Differences: what does not add up is written down for staff, once for each case."""

import structlog
from django.utils import timezone

from accounts.flows.audit import audited
from accounts.models import User
from billing.errors import BillingError
from billing.models import Difference, ReconciliationRun

log = structlog.get_logger(__name__)


def note(
    kind: str,
    ref: str,
    *,
    gateway: str = "",
    expected: str = "",
    actual: str = "",
    run: ReconciliationRun | None = None,
) -> Difference:
    """Write down a difference for staff, and log it; an open one stays as it is.

    One that had mended itself and comes up again opens again; one that staff closed stays closed,
    unless it looks different now.
    """
    words = {"expected": expected[:300], "actual": actual[:300]}
    row, created = Difference.objects.get_or_create(
        gateway=gateway,
        kind=kind,
        ref=ref,
        defaults={**words, "run": run},
    )
    if created or _open_again(row, words, run):
        log.error("billing_difference", kind=kind, ref=ref, gateway=gateway)
    return row


def _open_again(row: Difference, words: dict[str, str], run: ReconciliationRun | None) -> bool:
    same = words == {"expected": row.expected, "actual": row.actual}
    if row.state == Difference.State.OPEN or (row.state == Difference.State.SETTLED and same):
        return False
    opened = Difference.objects.filter(pk=row.pk, state=row.state).update(
        **words, state=Difference.State.OPEN, run=run, resolution="", settled_at=None
    )
    row.refresh_from_db()
    return bool(opened)


def repaired(row: Difference, how: str) -> bool:
    """Mark a difference as mended by itself. False: staff was faster."""
    return bool(
        Difference.objects.filter(pk=row.pk, state=Difference.State.OPEN).update(
            state=Difference.State.REPAIRED, resolution=how[:300], settled_at=timezone.now()
        )
    )


@audited("billing.settle_difference", "state", "resolution")
def settle(row: Difference, *, actor: User, reason: str) -> None:
    """Close a difference with the reason. Raises BillingError where it is closed already."""
    closed = Difference.objects.filter(pk=row.pk, state=Difference.State.OPEN).update(
        state=Difference.State.SETTLED, resolution=reason[:300], settled_at=timezone.now()
    )
    if not closed:
        raise BillingError("settled", "This is closed already.")
