"""What must hold of the money whatever was killed: each line it returns is something wrong."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from accounts.models import OutgoingMail
from billing.flows import ledgers
from billing.models import (
    Cost,
    Difference,
    Fulfilment,
    Grant,
    Invoice,
    InvoiceSeries,
    KeyPlan,
    Order,
    Payment,
    PaymentState,
    Refund,
    Wallet,
)
from common.jobs import JobState, job_models

DONE = ("succeeded", "cancelled")


def problems() -> list[str]:
    """Return everything that is wrong, in words."""
    checks = (
        _ledger,
        _jobs,
        _deliveries,
        _products,
        _coins,
        _mails,
        _keys,
        _invoices,
        _refunds,
        _fees,
    )
    return [line for check in checks for line in check()]


def busy() -> dict[str, int]:
    """Return how many jobs of each kind wait or run."""
    under_way = (JobState.QUEUED, JobState.RUNNING)
    counted = {
        model._meta.model_name or "": model._default_manager.filter(state__in=under_way).count()
        for model in job_models()
    }
    return {name: number for name, number in counted.items() if number}


def _ledger() -> Iterator[str]:
    yield from map(str, ledgers.problems())
    yield from (f"difference: {row.kind} {row.ref}" for row in Difference.objects.all())


def _jobs() -> Iterator[str]:
    for model in job_models():
        # Whether a mail left while its worker died, nobody can know: a person decides.
        fine = (*DONE, "unsure") if model is OutgoingMail else DONE
        for row in model._default_manager.exclude(state__in=fine):
            stuck = row.lease_until and row.lease_until < timezone.now()
            state = f"{row.state}, past its lease" if stuck else row.state
            yield f"{model.__name__} {row.pk} is {state}: {row.error}"


def _received() -> Any:
    return Payment.objects.filter(state=PaymentState.SUCCEEDED).select_related("order")


def _deliveries() -> Iterator[str]:
    for payment in _received():
        delivered = payment.fulfilments.filter(verb=Fulfilment.Verb.FULFIL).count()
        if delivered != 1:
            yield f"payment {payment.ref} has {delivered} deliveries"
    for order in Order.objects.filter(state="paid", payments__isnull=True):
        yield f"order {order.uuid} is paid without a payment"


def _products() -> Iterator[str]:
    for order in Order.objects.filter(offer__handler="prints.poster"):
        wanted = ""
        for row in order.fulfilments.filter(state="succeeded").order_by("pk"):
            wanted += "delivered." if row.verb == Fulfilment.Verb.FULFIL else "withdrawn."
        if order.note != wanted:
            yield f"the product did {order.note!r}, not {wanted!r}"


def _coins() -> Iterator[str]:
    """Each wallet is what its payments gave, less what was taken back: nothing is spent here."""
    for wallet in Wallet.objects.all():
        expected = 0
        for payment in _received().filter(order__account=wallet.account_id):
            row = payment.fulfilments.get(verb=Fulfilment.Verb.FULFIL)
            coins = row.entitlement.get("coins", 0) * 100
            lost = payment.disputes.filter(state="lost").exists()
            back = payment.amount if lost else payment.refunded
            expected += coins - coins * back // payment.amount
        if (wallet.balance, wallet.debt) != (expected, 0):
            yield f"wallet {wallet.pk} has {wallet.balance} and owes {wallet.debt}, not {expected}"
    paid = {f"plan:{key}" for key in _keys_of_deliveries()}
    yield from (
        f"a grant nobody paid: {ref}"
        for ref in Grant.objects.values_list("ref", flat=True)
        if ref not in paid
    )


def _keys_of_deliveries() -> Iterator[str]:
    rows = Fulfilment.objects.filter(verb=Fulfilment.Verb.FULFIL, payment__isnull=False)
    yield from filter(None, rows.values_list("dedupe_key", flat=True))


def _mails() -> Iterator[str]:
    wanted = Counter(f"receipt:{row.pk}" for row in _received())
    found = Counter(_mails_of("billing/email/receipt"))
    if wanted != found:
        yield f"receipts missing {wanted - found}, too many {found - wanted}"
    notes = Counter(f"refunded:{row.pk}" for row in Refund.objects.filter(state="succeeded"))
    told = Counter(_mails_of("billing/email/refunded"))
    if notes != told:
        yield f"mails about refunds missing {notes - told}, too many {told - notes}"


def _mails_of(template: str) -> list[str]:
    rows = OutgoingMail.objects.filter(template=template)
    return [str(key) for key in rows.values_list("dedupe_key", flat=True)]


def _keys() -> Iterator[str]:
    mailed = Counter(
        OutgoingMail.objects.filter(template="billing/email/key_ready").values_list(
            "to_email", flat=True
        )
    )
    planned = Counter(KeyPlan.objects.values_list("email", flat=True))
    if mailed != planned:
        yield f"key mails missing {planned - mailed}, too many {mailed - planned}"
    paid = Order.objects.filter(offer__handler="billing.key", payments__state="succeeded")
    for order in paid.filter(key_plan__isnull=True):
        yield f"order {order.uuid} is paid and has no key"


def _invoices() -> Iterator[str]:
    for payment in _received().filter(invoice__isnull=True):
        yield f"payment {payment.ref} has no invoice"
    for series in InvoiceSeries.objects.all():
        rows = Invoice.objects.filter(seller=series.seller, kind=series.kind, issued_by="")
        numbers = sorted(int(row.number.rpartition("-")[2]) for row in rows)
        if numbers != list(range(1, series.last + 1)):
            yield f"the {series.kind} numbers up to {series.last} are {numbers}"


def _refunds() -> Iterator[str]:
    for refund in Refund.objects.exclude(state="succeeded"):
        yield f"refund {refund.uuid} is {refund.state}"
    for refund in Refund.objects.filter(state="succeeded", credit_note__isnull=True):
        yield f"refund {refund.uuid} has no credit note"
    for payment in Payment.objects.all():
        back = sum(payment.refunds.filter(state="succeeded").values_list("amount", flat=True))
        if back != payment.refunded:
            yield f"payment {payment.ref} says {payment.refunded} paid back, its refunds {back}"


def _fees() -> Iterator[str]:
    for payment in _received():
        if not Cost.objects.filter(ref=f"fee:{payment.gateway}:{payment.ref}").exists():
            yield f"nobody knows what the provider kept of {payment.ref}"
