"""Tables of money and usage."""

from billing.models.catalogue import GatewayPrice, Offer, Price, Seller, TaxRate
from billing.models.cost import Cost
from billing.models.credits import (
    Adjustment,
    Grant,
    Hold,
    HoldPart,
    HoldState,
    LedgerEntry,
    Wallet,
)
from billing.models.entitlement import Entitlement
from billing.models.fulfilment import Fulfilment
from billing.models.inbox import InboxEvent
from billing.models.invoice import Invoice, InvoiceSeries
from billing.models.keyplan import KeyPlan
from billing.models.order import Customer, Order, OrderState
from billing.models.payment import (
    Dispute,
    DisputeState,
    Payment,
    PaymentState,
    Refund,
    RefundRequest,
    RefundState,
)
from billing.models.reconcile import Difference, ReconciliationRun
from billing.models.sandbox import SandboxObject
from billing.models.subscription import FIRST_GRACE, GRACE, LIVE, Subscription, SubscriptionState
from billing.models.usage import AccountUsage, UsageCounter

__all__ = [
    "FIRST_GRACE",
    "GRACE",
    "LIVE",
    "AccountUsage",
    "Adjustment",
    "Cost",
    "Customer",
    "Difference",
    "Dispute",
    "DisputeState",
    "Entitlement",
    "Fulfilment",
    "GatewayPrice",
    "Grant",
    "Hold",
    "HoldPart",
    "HoldState",
    "InboxEvent",
    "Invoice",
    "InvoiceSeries",
    "KeyPlan",
    "LedgerEntry",
    "Offer",
    "Order",
    "OrderState",
    "Payment",
    "PaymentState",
    "Price",
    "ReconciliationRun",
    "Refund",
    "RefundRequest",
    "RefundState",
    "SandboxObject",
    "Seller",
    "Subscription",
    "SubscriptionState",
    "TaxRate",
    "UsageCounter",
    "Wallet",
]
