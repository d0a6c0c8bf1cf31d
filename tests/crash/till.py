"""A process of the shop that does as it is told: places orders, asks for refunds, looks at rows.

`python -m tests.crash.till` reads one order per line of its input, as JSON: a name of the functions
below and its arguments. It answers with one line each.
"""

import json
import sys

import django

django.setup()

from django.db import close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.flows import keys as api_keys  # noqa: E402
from accounts.flows import signup  # noqa: E402
from accounts.models import OutgoingMail, digest_of  # noqa: E402
from billing.flows import checkout, entitlements, inbox, refunds  # noqa: E402
from billing.models import (  # noqa: E402
    AccountUsage,
    Fulfilment,
    InboxEvent,
    KeyPlan,
    Offer,
    Order,
    Payment,
    Price,
    Subscription,
    UsageCounter,
    Wallet,
)
from common.jobs import JobState, job_models  # noqa: E402
from tests.crash import oracle  # noqa: E402

LONG_AGO = "2020-01-01T00:00:00Z"
numbers = iter(range(1, 1_000_000))


def stock(amount: int = 1500) -> None:
    """Put the product on sale that a task delivers."""
    offer, _ = Offer.objects.get_or_create(
        code="poster",
        defaults={"kind": "one_off", "product": "prompts", "name": "A poster"}
        | {"handler": "prints.poster"},
    )
    if offer.price is None:
        offer.price = Price.objects.create(offer=offer, amount=amount)
        offer.published = True
        offer.save()


def place(code: str) -> str:
    """Place an order of an offer, for an account of its own."""
    number = next(numbers)
    email = f"{code}-{number}@people.example.org"
    order = checkout.place(
        Offer.objects.get(code=code),
        account=signup.guest_account(email),
        buyer={"email": email, "country": "US"},
        idempotency_key=f"till-{number}",
    )
    return str(order.uuid)


def start(uuid: str) -> str:
    """Open the payment page of an order; return the provider's id of it."""
    order = Order.objects.get(uuid=uuid)
    checkout.start(order)
    return str(order.checkout_ref)


def open_pages(code: str, number: int = 1) -> list[tuple[str, str]]:
    """Place orders and open their payment pages; return id and page of each."""
    placed = [place(code) for _ in range(number)]
    return [(uuid, start(uuid)) for uuid in placed]


def receive(bodies: list[tuple[str, str]]) -> None:
    """Take events in, each a body with its signature, as the webhook does."""
    for body, signature in bodies:
        inbox.receive("stripe", body.encode(), {"Stripe-Signature": signature})


def pay_back(uuid: str, amount: int) -> str:
    """Ask for a refund of what an order was paid with."""
    payment = Payment.objects.get(order__uuid=uuid, state="succeeded")
    row = refunds.request(payment, amount, actor=None, reason="Asked for.")
    return str(row.uuid)


def payment_ref(uuid: str) -> str:
    """Return the provider's id of what an order was paid with."""
    return Payment.objects.get(order__uuid=uuid, state="succeeded").ref


def orders(*uuids: str) -> list[str]:
    """Return the state of each order."""
    states = {str(uuid): state for uuid, state in Order.objects.values_list("uuid", "state")}
    return [states[uuid] for uuid in uuids]


def subscription(uuid: str) -> str:
    """Return the provider's id of an order's subscription."""
    return Subscription.objects.get(order__uuid=uuid).ref


def payments(uuid: str) -> int:
    """Return how often an order was paid."""
    return Payment.objects.filter(order__uuid=uuid, state="succeeded").count()


def events(*refs: str) -> int:
    """Return how many of these events are stored."""
    return InboxEvent.objects.filter(event_id__in=refs).count()


def let_leases_run_out() -> None:
    """Time passes for whoever holds a job."""
    for model in job_models():
        rows = model._default_manager.filter(state=JobState.RUNNING)
        rows.update(lease_until=LONG_AGO)


def let_waits_end() -> None:
    """The pause before the next try is over."""
    for model in job_models():
        rows = model._default_manager.filter(state=JobState.QUEUED, run_after__gt=timezone.now())
        rows.update(run_after=LONG_AGO)


def busy() -> dict[str, int]:
    """Return how many jobs of each kind wait or run."""
    return oracle.busy()


def problems() -> list[str]:
    """Return everything that is wrong with the money."""
    return oracle.problems()


def counts() -> dict[str, int]:
    """Return how many rows there are of what a test counts."""
    counted = {one.__name__: one.objects.count() for one in (Payment, InboxEvent, KeyPlan)}
    delivered = Fulfilment.objects.exclude(cause=Fulfilment.Cause.LAPSE).count()
    receipts = OutgoingMail.objects.filter(template="billing/email/receipt").count()
    return {**counted, "Fulfilment": delivered, "receipt": receipts}


def balances(*uuids: str) -> list[int]:
    """Return the balance of each order's account."""
    return [Wallet.objects.get(account__orders__uuid=uuid).balance for uuid in uuids]


def key(daily_limit: int) -> str:
    """Make a key; return its text."""
    account = signup.guest_account(f"caller-{next(numbers)}@people.example.org")
    return api_keys.issue(account, name="Caller", daily_limit=daily_limit)[1]


def used(text: str) -> list[int]:
    """Return what a key has used."""
    found = UsageCounter.objects.filter(api_key__digest=digest_of(text))
    return list(found.values_list("used", flat=True))


def plan(generations: int) -> int:
    """Make an account with so many generations a month; return its number."""
    account = signup.guest_account(f"planner-{next(numbers)}@people.example.org")
    entitlements.give(
        account,
        {"campaigns.generations": generations},
        source=f"test:{account.pk}",
        valid_from=timezone.now(),
        valid_to=None,
    )
    return int(account.pk)


def metered(account: int) -> list[int]:
    """Return what an account has used of its plan."""
    return list(AccountUsage.objects.filter(account=account).values_list("used", flat=True))


def main() -> None:
    """Do what each line says, until there are no more."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        close_old_connections()
        print("answer", json.dumps(globals()[name](*arguments)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
