"""What a payment provider must be able to do: seven verbs, and the shapes they answer with.

Money flows know nothing of any provider: they ask for an object and get a snapshot. Events carry no
truth, they only say what to ask for. Amounts are in minor units, times are aware, in UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.models import Order, Refund


class Kind(StrEnum):
    """Kinds of objects a provider keeps."""

    CHECKOUT = "checkout"
    PAYMENT = "payment"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    REFUND = "refund"
    DISPUTE = "dispute"


class BadSignature(Exception):
    """A webhook that the provider did not sign, or not just now, or whose secret we lack."""


class NotFound(Exception):
    """The provider knows no such object."""


@dataclass(frozen=True)
class Started:
    """A checkout that the buyer can be sent to."""

    ref: str
    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """What an event says: something happened to the objects `about`, each (kind, ref)."""

    id: str
    type: str
    about: tuple[tuple[Kind, str], ...] = ()


@dataclass(frozen=True)
class PaymentSnapshot:
    """A payment. `order_uuid` is empty where the payment is not one of ours."""

    ref: str
    state: str  # created, processing, succeeded, failed: as billing.moves has them
    amount: int
    currency: str  # three capital letters
    order_uuid: str = ""
    invoice_ref: str = ""
    failure: str = ""  # in words for the buyer
    fee_micro: int | None = None  # what the provider keeps, in millionths; None: not known yet
    fee_currency: str = ""


@dataclass(frozen=True)
class CheckoutSnapshot:
    """A hosted checkout."""

    ref: str
    state: str  # open, complete, expired
    order_uuid: str = ""
    payment: PaymentSnapshot | None = None  # of a one-off, once there is one
    subscription_ref: str = ""
    customer_ref: str = ""
    email: str = ""
    name: str = ""
    address: tuple[str, ...] = ()  # lines
    country: str = ""
    amount: int = 0
    tax: int = 0  # inside the amount
    currency: str = ""


@dataclass(frozen=True)
class SubscriptionSnapshot:
    """A subscription. `state` is one of billing.models.SubscriptionState."""

    ref: str
    state: str
    price_ref: str  # the provider's id of the price
    order_uuid: str = ""
    period_start: datetime | None = None
    period_end: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    ended_at: datetime | None = None
    customer_ref: str = ""
    latest_invoice_ref: str = ""


@dataclass(frozen=True)
class InvoiceSnapshot:
    """A provider's invoice for one period of a subscription."""

    ref: str
    state: str  # draft, open, paid, void, uncollectible
    subscription_ref: str = ""
    number: str = ""  # as the provider numbered it
    reason: str = ""  # create, cycle, update, other
    price_ref: str = ""  # of the plan's line
    amount: int = 0  # paid, or due while it is open
    tax: int = 0
    currency: str = ""
    payment: PaymentSnapshot | None = None  # the payment that paid it, or the last failed one
    period_start: datetime | None = None  # of the plan's line: what is paid for
    period_end: datetime | None = None
    attempted: bool = False  # a charge was tried
    url: str = ""  # where the buyer can see and pay it


@dataclass(frozen=True)
class RefundSnapshot:
    """A refund. `refund_uuid` is empty where it was made at the provider, not by us."""

    ref: str
    payment_ref: str
    amount: int
    currency: str
    state: str  # pending, succeeded, failed
    refund_uuid: str = ""
    reason: str = ""


@dataclass(frozen=True)
class DisputeSnapshot:
    """A dispute. `state` is one of billing.models.DisputeState."""

    ref: str
    payment_ref: str
    amount: int
    currency: str
    state: str
    reason: str = ""
    evidence_due: datetime | None = None


Snapshot = (
    CheckoutSnapshot
    | PaymentSnapshot
    | SubscriptionSnapshot
    | InvoiceSnapshot
    | RefundSnapshot
    | DisputeSnapshot
)


class Gateway(Protocol):
    """A payment provider. Every call may raise common.http.ServiceError; none opens a transaction.

    `create`, `refund` and `cancel` are safe to repeat: they carry our idempotency key.
    """

    code: str  # stored in every row of this provider
    name: str  # for people

    def create(self, order: "Order", *, success_url: str, cancel_url: str) -> Started:
        """Make a hosted checkout for an order, for `order.attempt` just once."""
        ...

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Raise BadSignature unless the provider signed exactly these bytes within five minutes."""
        ...

    def parse_event(self, body: bytes) -> Event:
        """Return what a verified event is about. Raises ValueError for a body that is no event."""
        ...

    def fetch(self, kind: Kind, ref: str) -> Snapshot:
        """Return an object as it stands now. Raises NotFound."""
        ...

    def list_since(self, kind: Kind, since: datetime) -> Iterator[Snapshot]:
        """Return the objects made since then, newest first. Not for CHECKOUT."""
        ...

    def refund(self, refund: "Refund") -> RefundSnapshot:
        """Pay back a part or all of a payment, once per `refund.uuid`."""
        ...

    def cancel(self, kind: Kind, ref: str, *, at_period_end: bool = False) -> None:
        """Close an open checkout, or end a subscription. Ended already is fine."""
        ...
