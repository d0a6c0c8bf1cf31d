"""Hosted Checkout in the fake: what a session may ask for, and what the buyer does on its page."""

import re
from typing import Any

import stripe

from tests.fakes.stripe.books import ApiError
from tests.fakes.stripe.catalogue import refuse
from tests.fakes.stripe.hints import Data
from tests.fakes.stripe.payments import ADDRESS
from tests.fakes.stripe.shapes import blank
from tests.fakes.stripe.subscriptions import Subscriptions

DAY = 86_400
LEAST = {"usd": 50, "eur": 50, "gbp": 30}
# Parameters that go with one mode only.
ONLY = {
    "payment": ("payment_intent_data", "invoice_creation", "customer_creation", "submit_type"),
    "subscription": ("subscription_data", "payment_method_collection"),
}


class Checkout(Subscriptions):
    """Sessions."""

    plans: dict[str, Data]  # by session: what its page will do

    def create_session(self, params: Data) -> Data:
        """Make a session as Stripe would, or refuse what Stripe refuses."""
        self._check(params)
        if params.get("customer"):
            self.get(params["customer"], "customer", param="customer", status=400)
        prices = [self._line_price(i, line, params) for i, line in enumerate(params["line_items"])]
        total = sum(
            price["unit_amount"] * line.get("quantity", 1)
            for price, line in zip(prices, params["line_items"], strict=True)
        )
        trial = params.get("subscription_data", {}).get("trial_period_days", 0)
        due = 0 if trial else total
        if params["mode"] == "payment" and total < LEAST.get(prices[0]["currency"], 1):
            raise refuse("The total is below the smallest amount.", "", "amount_too_small")
        ref = self.new_id("cs_test")
        made = self.put(
            stripe.checkout.Session,
            "cs_test",
            id=ref,
            mode=params["mode"],
            status="open",
            payment_status="unpaid",
            amount_subtotal=due,
            amount_total=due,
            currency=prices[0]["currency"],
            customer=params.get("customer"),
            customer_email=params.get("customer_email"),
            client_reference_id=params.get("client_reference_id"),
            metadata=params.get("metadata", {}),
            success_url=params["success_url"],
            cancel_url=params.get("cancel_url"),
            expires_at=params.get("expires_at", self.now() + DAY),
            payment_method_types=["card"],
            payment_method_collection="always"
            if params["mode"] == "subscription"
            else "if_required",
            ui_mode="hosted_page",
            url=f"https://checkout.stripe.com/c/pay/{ref}",
            total_details=blank(stripe.checkout.Session.TotalDetails),
            line_items=self._items(prices, params["line_items"]),
        )
        made["automatic_tax"]["enabled"] = params.get("automatic_tax", {}).get("enabled", False)
        made["total_details"]["amount_tax"] = 0
        self.plans[ref] = {"params": params, "prices": [price["id"] for price in prices]}
        return made

    def _check(self, params: Data) -> None:
        for name in ("mode", "success_url", "line_items"):
            if not params.get(name):
                raise refuse(f"Missing required param: {name}.", name, "parameter_missing")
        for mode, names in ONLY.items():
            for name in names:
                if name in params and params["mode"] != mode:
                    raise refuse(f"You can not pass `{name}` in `{params['mode']}` mode.", name)
        if params.get("customer") and params.get("customer_email"):
            raise refuse(
                "You may only specify one of these parameters: customer, customer_email.",
                "customer_email",
            )
        if params.get("customer_update") and not params.get("customer"):
            raise refuse("`customer_update` can only be used with `customer`.", "customer_update")
        if len(params.get("client_reference_id", "")) > 200:
            raise refuse("At most 200 characters.", "client_reference_id")
        for name in ("success_url", "cancel_url"):
            if not re.match(r"https?://[^ ]+\Z", params.get(name, "http://x")):
                raise refuse("Not a valid URL", name, "url_invalid")
        left = params.get("expires_at", self.now() + DAY) - self.now()
        if not 1800 - 5 <= left <= DAY + 5:
            raise refuse(
                "`expires_at` must be between 30 minutes and 24 hours from now.", "expires_at"
            )
        trial = params.get("subscription_data", {}).get("trial_period_days", 1)
        if not 1 <= trial <= 730:
            raise refuse("The trial has 1 to 730 days.", "subscription_data[trial_period_days]")
        taxed = params.get("automatic_tax", {}).get("enabled") and params.get("customer")
        if taxed and "address" not in params.get("customer_update", {}):
            raise refuse(
                "Automatic tax calculation in Checkout requires a valid address on the "
                "Customer. Set `customer_update[address]` to 'auto'.",
                "customer_update",
                "customer_tax_location_invalid",
            )

    def _line_price(self, i: int, line: Data, params: Data) -> Data:
        where = f"line_items[{i}]"
        if ("price" in line) == ("price_data" in line):
            raise refuse("One of price or price_data is required.", where)
        if line.get("quantity", 0) < 1:
            raise refuse("Quantity is required.", f"{where}[quantity]", "parameter_missing")
        if "price" in line:
            price = self.get(line["price"], "price", param=f"{where}[price]", status=400)
        else:
            price = self._inline_price(line["price_data"], where)
        if not price["active"]:
            raise refuse("The price specified is inactive.", f"{where}[price]")
        if params["mode"] == "subscription" and price["type"] != "recurring":
            raise refuse(
                "You must provide at least one recurring price in `subscription` mode.",
                "line_items",
            )
        if params["mode"] == "payment" and price["type"] == "recurring":
            raise refuse("You specified `payment` mode but passed a recurring price.", "line_items")
        if price["tax_behavior"] in (None, "unspecified") and params.get("automatic_tax", {}).get(
            "enabled"
        ):
            raise refuse("Each price must have a `tax_behavior`.", where)
        return price

    def _inline_price(self, data: Data, where: str) -> Data:
        where = f"{where}[price_data]"
        if ("product" in data) == ("product_data" in data):
            raise refuse("One of product or product_data is required.", where)
        if "unit_amount" not in data:
            raise refuse("One of unit_amount or unit_amount_decimal is required.", where)
        if "product" in data:
            product = self.get(data["product"], "product", param=f"{where}[product]", status=400)
        else:
            product = self.create_product(data["product_data"])
        given = {k: v for k, v in data.items() if k not in ("product", "product_data")}
        return self.create_price(given | {"product": product["id"]}, inline=True)

    def _items(self, prices: list[Data], lines: list[Data]) -> Data:
        rows = []
        for price, line in zip(prices, lines, strict=True):
            amount = price["unit_amount"] * line.get("quantity", 1)
            rows.append(
                blank(
                    stripe.LineItem,
                    id=self.new_id("li"),
                    amount_subtotal=amount,
                    amount_total=amount,
                    currency=price["currency"],
                    description=self.objects[price["product"]]["name"],
                    price=price,
                    quantity=line.get("quantity", 1),
                )
            )
        return self.as_list(rows, "/v1/checkout/sessions/line_items")

    # --- What the buyer does -------------------------------------------------------------------
    def pay(self, session: str) -> Data:
        """Pay on the page, by a card that works; for a trial, leave the card only."""
        with self.lock:
            found = self._open(session)
            if found["mode"] == "subscription":
                self._subscribe(found)
            else:
                self.succeed(self._intent(found))
            self._complete(found, "paid" if found["amount_total"] else "no_payment_required")
            return found

    def decline(self, session: str) -> Data:
        """Try a card that is declined: the page stays open."""
        with self.lock:
            found = self._open(session)
            self.fail(self._intent(found))
            return found

    def pay_later(self, session: str) -> Data:
        """Choose a way of paying that takes days: the page is done, the money is not there."""
        with self.lock:
            found = self._open(session)
            intent = self._intent(found)
            intent["status"] = "processing"
            self.emit("payment_intent.processing", intent)
            self._complete(found, "unpaid")
            return found

    def arrive(self, session: str) -> Data:
        """Let money that was paid later arrive."""
        with self.lock:
            found = self.get(session, "checkout.session")
            self.succeed(self.objects[found["payment_intent"]])
            found["payment_status"] = "paid"
            self.emit("checkout.session.async_payment_succeeded", found)
            return found

    def bounce(self, session: str) -> Data:
        """Let money that was to be paid later not arrive."""
        with self.lock:
            found = self.get(session, "checkout.session")
            self.fail(self.objects[found["payment_intent"]], "The bank refused the debit.")
            self.emit("checkout.session.async_payment_failed", found)
            return found

    def expire(self, session: str) -> Data:
        """Close an open page."""
        with self.lock:
            found = self.get(session, "checkout.session")
            if found["status"] != "open":
                raise ApiError(
                    'Only Checkout Sessions with a status in ["open"] can be expired. This '
                    f"Checkout Session has a status of `{found['status']}`."
                )
            found |= {"status": "expired", "url": None}
            self.emit("checkout.session.expired", found)
            return found

    def _open(self, session: str) -> Data:
        found = self.get(session, "checkout.session")
        if found["status"] != "open":
            raise ApiError(f"This page is {found['status']}.")
        return found

    def _intent(self, session: Data) -> Data:
        if session["payment_intent"]:
            return self.objects[session["payment_intent"]]
        data = self.plans[session["id"]]["params"].get("payment_intent_data", {})
        intent = self.payment_intent(
            session["amount_total"],
            session["currency"],
            customer=session["customer"],
            metadata=dict(data.get("metadata", {})),
        )
        session["payment_intent"] = intent["id"]
        return intent

    def _subscribe(self, session: Data) -> None:
        plan = self.plans[session["id"]]
        data = plan["params"].get("subscription_data", {})
        customer = session["customer"] or self.new_customer(session)["id"]
        session["customer"] = customer
        made = self.new_subscription(
            customer,
            self.objects[plan["prices"][0]],
            metadata=dict(data.get("metadata", {})),
            trial_days=data.get("trial_period_days", 0),
        )
        lines = [self.line(made, session["amount_total"])]
        invoice = self.bill(
            made, "subscription_create", amount=session["amount_total"], lines=lines
        )
        self.collect(invoice, paid=True)
        if made["status"] == "incomplete":
            made["status"] = "active"
            self.emit("customer.subscription.updated", made, {"status": "incomplete"})
        session |= {"subscription": made["id"], "invoice": invoice["id"]}

    def new_customer(self, session: Data) -> Data:
        """Make the customer that Checkout makes where none was given."""
        return self.create_customer({"email": session["customer_email"]})

    def _complete(self, session: Data, payment_status: str) -> None:
        customer: dict[str, Any] = self.objects.get(session["customer"] or "", {})
        session |= {"status": "complete", "payment_status": payment_status, "url": None}
        session["customer_details"] = blank(
            stripe.checkout.Session.CustomerDetails,
            email=customer.get("email") or session["customer_email"] or "buyer@example.org",
            name=customer.get("name") or "Bea Buyer",
            address=dict(ADDRESS),
            tax_exempt="none",
            tax_ids=[],
        )
        self.emit("checkout.session.completed", session)
