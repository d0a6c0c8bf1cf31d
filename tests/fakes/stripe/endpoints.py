"""The fake's endpoints: for each its parameters, as the SDK types them, and what it does."""

from typing import Any

import stripe
from stripe import params as sdk

from tests.fakes.stripe.api import Api, Listing, equal, route
from tests.fakes.stripe.books import ApiError, no_such
from tests.fakes.stripe.hints import Data


def readable(noun: str, path: str, retrieve: Any, listing: Any = None) -> None:
    """Register reading one object and, where Stripe has it, the list."""

    @route("GET", path + "/{id}", retrieve)
    def one(api: Api, params: Data, ref: str) -> Data:
        return api.get(ref, noun)

    if listing is not None:

        @route("GET", path, listing)
        def many(api: Api, params: Data, ref: str) -> Listing:
            return Listing(noun, equal(params))


readable("product", "products", sdk.ProductRetrieveParams)
readable("price", "prices", sdk.PriceRetrieveParams)
readable("charge", "charges", sdk.ChargeRetrieveParams, sdk.ChargeListParams)
readable(
    "payment_intent",
    "payment_intents",
    sdk.PaymentIntentRetrieveParams,
    sdk.PaymentIntentListParams,
)
readable("payment_method", "payment_methods", sdk.PaymentMethodRetrieveParams)
readable("balance_transaction", "balance_transactions", sdk.BalanceTransactionRetrieveParams)
readable("subscription", "subscriptions", sdk.SubscriptionRetrieveParams)
readable("subscription_item", "subscription_items", sdk.SubscriptionItemRetrieveParams)
readable("refund", "refunds", sdk.RefundRetrieveParams, sdk.RefundListParams)
readable("dispute", "disputes", sdk.DisputeRetrieveParams, sdk.DisputeListParams)
readable("event", "events", sdk.EventRetrieveParams, sdk.EventListParams)
readable(
    "checkout.session",
    "checkout/sessions",
    sdk.checkout.SessionRetrieveParams,
    sdk.checkout.SessionListParams,
)


@route("GET", "account", sdk.AccountRetrieveParams)
def account(api: Api, params: Data, ref: str) -> Data:
    """Say who the seller is."""
    return api.all("account")[0]


@route("GET", "accounts/{id}", sdk.AccountRetrieveParams)
def account_by_id(api: Api, params: Data, ref: str) -> Data:
    """Say who the seller is, by id."""
    return api.get(ref, "account")


# --- Customers ---------------------------------------------------------------------------------
@route("POST", "customers", sdk.CustomerCreateParams)
def create_customer(api: Api, params: Data, ref: str) -> Data:
    """Make a customer."""
    return api.create_customer(params)


@route("POST", "customers/{id}", sdk.CustomerUpdateParams)
def update_customer(api: Api, params: Data, ref: str) -> Data:
    """Change a customer."""
    found = api.get(ref, "customer")
    before = {name: found.get(name) for name in params}
    found |= params
    api.emit("customer.updated", found, before)
    return found


@route("GET", "customers/{id}", sdk.CustomerRetrieveParams)
def customer(api: Api, params: Data, ref: str) -> Data:
    """Show a customer."""
    return api.get(ref, "customer")


@route("GET", "customers", sdk.CustomerListParams)
def customers(api: Api, params: Data, ref: str) -> Listing:
    """List customers."""
    return Listing("customer", equal(params))


# --- Products and prices -----------------------------------------------------------------------
@route("POST", "products", sdk.ProductCreateParams)
def create_product(api: Api, params: Data, ref: str) -> Data:
    """Make a product."""
    return api.create_product(params)


@route("GET", "products/{id}/features", sdk.ProductFeatureListParams)
def features(api: Api, params: Data, ref: str) -> Listing:
    """List the features of a product: it has none."""
    return Listing("product_feature", {})


@route("POST", "prices", sdk.PriceCreateParams)
def create_price(api: Api, params: Data, ref: str) -> Data:
    """Make a price."""
    return api.create_price(params)


@route("GET", "prices", sdk.PriceListParams)
def prices(api: Api, params: Data, ref: str) -> Listing:
    """List prices, also by lookup key."""
    keys = params.pop("lookup_keys", None)
    return Listing("price", equal(params), lambda row: keys is None or row["lookup_key"] in keys)


# --- Checkout and the portal -------------------------------------------------------------------
@route("POST", "checkout/sessions", sdk.checkout.SessionCreateParams)
def create_session(api: Api, params: Data, ref: str) -> Data:
    """Make a session."""
    return api.create_session(params)


@route("POST", "checkout/sessions/{id}/expire", sdk.checkout.SessionExpireParams)
def expire_session(api: Api, params: Data, ref: str) -> Data:
    """Close a session."""
    return api.expire(ref)


@route("POST", "billing_portal/sessions", sdk.billing_portal.SessionCreateParams)
def portal(api: Api, params: Data, ref: str) -> Data:
    """Open the portal."""
    api.get(params.get("customer", ""), "customer", param="customer", status=400)
    token = api.new_id("test")
    return api.put(
        stripe.billing_portal.Session,
        "bps",
        configuration=api.new_id("bpc"),
        url=f"https://billing.stripe.com/p/session/{token}",
        **params,
    )


# --- Subscriptions and invoices ----------------------------------------------------------------
@route("GET", "subscriptions", sdk.SubscriptionListParams)
def subscriptions(api: Api, params: Data, ref: str) -> Listing:
    """List subscriptions; the ended ones only when asked for."""
    wanted = params.pop("status", None)
    price = params.pop("price", None)

    def keep(row: Data) -> bool:
        if price and api.item(row)["price"]["id"] != price:
            return False
        if wanted in (None, "ended"):
            return (row["status"] == "canceled") == (wanted == "ended")
        return wanted == "all" or row["status"] == wanted

    return Listing("subscription", equal(params), keep)


@route("POST", "subscriptions/{id}", sdk.SubscriptionUpdateParams)
def update_subscription(api: Api, params: Data, ref: str) -> Data:
    """Change a subscription: cancel at its end, or its metadata."""
    found = api.get(ref, "subscription")
    if unknown := set(params) - {"cancel_at_period_end", "metadata"}:
        raise NotImplementedError(f"The fake can't change {unknown}.")
    if found["status"] == "canceled":
        raise ApiError("A canceled subscription can only update its cancellation_details.")
    if params.get("cancel_at_period_end"):
        return api.cancel(ref, at_period_end=True, flag=True)
    found |= {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None} | params
    api.emit("customer.subscription.updated", found)
    return found


@route("DELETE", "subscriptions/{id}", sdk.SubscriptionCancelParams)
def cancel_subscription(api: Api, params: Data, ref: str) -> Data:
    """End a subscription. One that has ended is not found."""
    if api.get(ref, "subscription")["status"] == "canceled":
        raise no_such("subscription", ref)
    return api.cancel(ref)


@route("GET", "invoices", sdk.InvoiceListParams)
def invoices(api: Api, params: Data, ref: str) -> Listing:
    """List invoices."""
    wanted = params.pop("subscription", None)

    def keep(row: Data) -> bool:
        return wanted in (None, row["parent"]["subscription_details"]["subscription"])

    return Listing("invoice", equal(params), keep)


@route("GET", "invoices/{id}", sdk.InvoiceRetrieveParams)
def invoice(api: Api, params: Data, ref: str) -> Data:
    """Show an invoice."""
    return api.get(ref, "invoice")


@route("GET", "invoice_payments", sdk.InvoicePaymentListParams)
def invoice_payments(api: Api, params: Data, ref: str) -> Listing:
    """List the payments of invoices, also by payment intent."""
    about = params.pop("payment", {})

    def keep(row: Data) -> bool:
        return all(row["payment"][name] == value for name, value in about.items())

    return Listing("invoice_payment", equal(params), keep)


# --- Refunds -----------------------------------------------------------------------------------
@route("POST", "refunds", sdk.RefundCreateParams)
def create_refund(api: Api, params: Data, ref: str) -> Data:
    """Pay back."""
    wanted = params.get("payment_intent")
    if not wanted:
        raise ApiError(
            "One of the following params should be provided for this request: "
            "payment_intent or charge."
        )
    intent = api.get(wanted, "payment_intent", param="payment_intent", status=400)
    left = api.refundable(intent)
    amount = params.get("amount", left)
    if not left:
        raise ApiError(
            f"Charge {intent['latest_charge']} has already been refunded.",
            code="charge_already_refunded",
        )
    if not 0 < amount <= left:
        raise ApiError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    return api.make_refund(
        intent,
        amount,
        metadata=params.get("metadata", {}),
        status=api.refund_status,
        reason=params.get("reason"),
    )
