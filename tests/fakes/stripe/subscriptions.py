"""Subscriptions in the fake: periods, invoices, what happens when time passes."""

from datetime import UTC, datetime
from typing import Any

import stripe
from dateutil.relativedelta import relativedelta

from tests.fakes.stripe.hints import Data
from tests.fakes.stripe.payments import Payments
from tests.fakes.stripe.shapes import blank


class Subscriptions(Payments):
    """Subscriptions and their invoices."""

    def later(self, start: int, price: Data) -> int:
        """Return the end of a period of a price."""
        unit = {"month": "months", "year": "years", "week": "weeks", "day": "days"}
        every = {unit[price["recurring"]["interval"]]: price["recurring"]["interval_count"]}
        return int((datetime.fromtimestamp(start, UTC) + relativedelta(**every)).timestamp())

    def new_subscription(
        self, customer: str, price: Data, *, metadata: Data, trial_days: int
    ) -> Data:
        """Begin a subscription, in its trial or with its first invoice still to be paid."""
        now = self.now()
        trial_end = now + trial_days * 86_400 if trial_days else None
        made = self.put(
            stripe.Subscription,
            "sub",
            customer=customer,
            currency=price["currency"],
            metadata=metadata,
            status="trialing" if trial_days else "incomplete",
            start_date=now,
            billing_cycle_anchor=trial_end or now,
            trial_start=now if trial_days else None,
            trial_end=trial_end,
            items=None,
            default_tax_rates=[],
        )
        item = self.put(
            stripe.SubscriptionItem,
            "si",
            price=price,
            plan=self.plan(price),
            subscription=made["id"],
            quantity=1,
            tax_rates=[],
            current_period_start=now,
            current_period_end=trial_end or self.later(now, price),
        )
        made["billing_mode"]["type"] = "flexible"
        made["items"] = {
            "object": "list",
            "data": [item],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={made['id']}",
        }
        self.emit("customer.subscription.created", made)
        return made

    def plan(self, price: Data) -> Data:
        """Return the old name of a price, which items still carry."""
        return blank(
            stripe.Plan,
            id=price["id"],
            active=True,
            amount=price["unit_amount"],
            amount_decimal=str(price["unit_amount"]),
            created=price["created"],
            currency=price["currency"],
            interval=price["recurring"]["interval"],
            interval_count=1,
            product=price["product"],
        )

    def item(self, subscription: Data) -> Data:
        """Return the one item of a subscription."""
        found: Data = subscription["items"]["data"][0]
        return found

    # --- Invoices ------------------------------------------------------------------------------
    def bill(self, subscription: Data, reason: str, *, amount: int, lines: list[Data]) -> Data:
        """Make an invoice of a subscription: finalized, and not paid yet."""
        number = f"FAKE-{len(self.all('invoice')) + 1:04d}"
        made = self.put(
            stripe.Invoice,
            "in",
            customer=subscription["customer"],
            currency=subscription["currency"],
            billing_reason=reason,
            status="open",
            number=number,
            amount_due=amount,
            amount_remaining=amount,
            subtotal=amount,
            total=amount,
            total_taxes=[],
            auto_advance=True,
            hosted_invoice_url=f"https://invoice.stripe.com/i/{number}",
            period_start=self.now(),
            period_end=self.now(),
            metadata={},
            parent={
                "type": "subscription_details",
                "quote_details": None,
                "subscription_details": {
                    "subscription": subscription["id"],
                    "metadata": dict(subscription["metadata"]),
                    "subscription_proration_date": None,
                },
            },
            lines=None,
        )
        made["lines"] = self.as_list(lines, f"/v1/invoices/{made['id']}/lines")
        for line in made["lines"]["data"]:
            line["invoice"] = made["id"]
        made["status_transitions"]["finalized_at"] = self.now()
        subscription["latest_invoice"] = made["id"]
        self.emit("invoice.created", made)
        self.emit("invoice.finalized", made)
        return made

    def line(
        self, subscription: Data, amount: int, *, proration: bool = False, price: Data | None = None
    ) -> Data:
        """Return a line of an invoice for the item's period."""
        item = self.item(subscription)
        price = price or item["price"]
        details = blank(
            stripe.InvoiceLineItem.Parent.SubscriptionItemDetails,
            subscription=subscription["id"],
            subscription_item=item["id"],
            proration=proration,
        )
        return blank(
            stripe.InvoiceLineItem,
            id=self.new_id("il"),
            amount=amount,
            subtotal=amount,
            currency=subscription["currency"],
            quantity=1,
            discountable=not proration,
            metadata=dict(subscription["metadata"]),
            subscription=subscription["id"],
            period={"start": item["current_period_start"], "end": item["current_period_end"]},
            pricing={
                "type": "price_details",
                "unit_amount_decimal": str(price["unit_amount"]),
                "price_details": {"price": price["id"], "product": price["product"]},
            },
            parent={
                "type": "subscription_item_details",
                "subscription_item_details": details,
                "invoice_item_details": None,
            },
        )

    def collect(self, invoice: Data, *, paid: bool) -> Data | None:
        """Try to charge an invoice, or note that there is nothing to charge."""
        invoice["attempted"] = True
        intent = None
        if invoice["amount_due"]:
            invoice["attempt_count"] += 1
            intent = self._charge_for(invoice)
            self.succeed(intent) if paid else self.fail(intent)
        if paid:
            self._close(invoice)
            self.emit("invoice.paid", invoice)
            self.emit("invoice.payment_succeeded", invoice)
        else:
            invoice["next_payment_attempt"] = self.now() + 3 * 86_400
            self.emit("invoice.payment_failed", invoice)
        return intent

    def _charge_for(self, invoice: Data) -> Data:
        known = self.all("invoice_payment", invoice=invoice["id"])
        if known:
            return self.objects[known[0]["payment"]["payment_intent"]]
        intent = self.payment_intent(
            invoice["amount_due"], invoice["currency"], customer=invoice["customer"]
        )
        payment = {"type": "payment_intent", "payment_intent": intent["id"]}
        self.put(
            stripe.InvoicePayment,
            "inpay",
            invoice=invoice["id"],
            amount_requested=invoice["amount_due"],
            currency=invoice["currency"],
            is_default=True,
            status="open",
            payment={"charge": None, "payment_record": None} | payment,
        )
        return intent

    def _close(self, invoice: Data) -> None:
        invoice |= {
            "status": "paid",
            "amount_paid": invoice["amount_due"],
            "amount_remaining": 0,
            "next_payment_attempt": None,
        }
        invoice["status_transitions"]["paid_at"] = self.now()
        for payment in self.all("invoice_payment", invoice=invoice["id"]):
            payment |= {"status": "paid", "amount_paid": invoice["amount_due"]}
            payment["status_transitions"]["paid_at"] = self.now()

    # --- What time and people do ---------------------------------------------------------------
    def renew(self, subscription: str, *, paid: bool = True) -> Data:
        """Let the period (or the trial) end: the next one begins and is paid, or not."""
        with self.lock:
            found = self.get(subscription, "subscription")
            item = self.item(found)
            self.ahead += max(0, item["current_period_end"] - self.now())
            if found["cancel_at"]:
                return self.end(found)
            start = item["current_period_end"]
            item |= {"current_period_start": start}
            item["current_period_end"] = self.later(start, item["price"])
            amount = item["price"]["unit_amount"]
            invoice = self.bill(
                found, "subscription_cycle", amount=amount, lines=[self.line(found, amount)]
            )
            self.collect(invoice, paid=paid)
            self._set_status(found, "active" if paid else "past_due")
            return invoice

    def pay_invoice(self, invoice: str, *, paid: bool = True) -> Data:
        """Try an open invoice again."""
        with self.lock:
            found = self.get(invoice, "invoice")
            self.collect(found, paid=paid)
            details = found["parent"]["subscription_details"]
            if paid:
                self._set_status(self.objects[details["subscription"]], "active")
            return found

    def give_up(self, subscription: str, status: str = "unpaid") -> Data:
        """Let Stripe's retries of an unpaid invoice end: unpaid or canceled."""
        with self.lock:
            found = self.get(subscription, "subscription")
            if status == "canceled":
                return self.end(found)
            self._set_status(found, status)
            return found

    def cancel(self, subscription: str, *, at_period_end: bool = False, flag: bool = False) -> Data:
        """Let the buyer cancel in the portal: at the end it sets the date, and not the flag.

        So Stripe does for subscriptions in flexible billing mode, which all new ones are.
        """
        with self.lock:
            found = self.get(subscription, "subscription")
            if not at_period_end:
                return self.end(found)
            found["cancel_at_period_end"] = flag
            found["cancel_at"] = self.item(found)["current_period_end"]
            found["canceled_at"] = self.now()
            self.emit("customer.subscription.updated", found, {"cancel_at": None})
            return found

    def end(self, subscription: Data) -> Data:
        """End a subscription now."""
        subscription |= {
            "status": "canceled",
            "ended_at": self.now(),
            "canceled_at": subscription["canceled_at"] or self.now(),
        }
        self.emit("customer.subscription.deleted", subscription)
        return subscription

    def change_price(self, subscription: str, price: str) -> Data:
        """Let the buyer change the plan: the difference is on an invoice of prorations."""
        with self.lock:
            found = self.get(subscription, "subscription")
            item, new = self.item(found), self.get(price, "price")
            old = item["price"]
            gap = max(0, new["unit_amount"] - old["unit_amount"])
            back = self.line(found, gap - new["unit_amount"], proration=True, price=old)
            item |= {"price": new, "plan": self.plan(new)}
            lines = [back, self.line(found, new["unit_amount"], proration=True)]
            self.emit("customer.subscription.updated", found, {"items": {"data": []}})
            self.collect(
                self.bill(found, "subscription_update", amount=gap, lines=lines), paid=True
            )
            return found

    def trial_will_end(self, subscription: str) -> Data:
        """Let Stripe say, three days ahead, that a trial ends."""
        with self.lock:
            found = self.get(subscription, "subscription")
            self.emit("customer.subscription.trial_will_end", found)
            return found

    def _set_status(self, subscription: Data, status: str, **values: Any) -> None:
        before = {"status": subscription["status"]}
        subscription |= {"status": status} | values
        self.emit("customer.subscription.updated", subscription, before)
