"""Money in the fake: what the buyer, the bank and the seller's dashboard do to one payment."""

from typing import Any

import stripe

from tests.fakes.stripe.catalogue import Catalogue
from tests.fakes.stripe.hints import Data
from tests.fakes.stripe.shapes import blank

ADDRESS = {
    "line1": "1 Test Lane",
    "line2": None,
    "city": "Springfield",
    "state": "IL",
    "postal_code": "62701",
    "country": "US",
}


class Payments(Catalogue):
    """One-off payments, refunds and disputes."""

    fees = True  # whether a balance transaction is there at once
    refund_status = "succeeded"  # how a refund begins: pending, for banks that take days

    # --- Payments ------------------------------------------------------------------------------
    def payment_intent(self, amount: int, currency: str, **values: Any) -> Data:
        """Make a payment intent that waits for a card."""
        return self.put(
            stripe.PaymentIntent,
            "pi",
            amount=amount,
            currency=currency,
            status="requires_payment_method",
            capture_method="automatic_async",
            client_secret=self.new_id("pi_secret"),
            payment_method_types=["card"],
            **values,
        )

    def card(self, intent: Data) -> str:
        """Return a fresh card, in the state it has after being used."""
        card = blank(
            stripe.PaymentMethod.Card,
            brand="visa",
            last4="4242",
            exp_month=12,
            exp_year=2034,
            funding="credit",
            country="US",
        )
        made = self.put(
            stripe.PaymentMethod, "pm", type="card", card=card, customer=intent["customer"]
        )
        made["billing_details"]["address"] = dict(ADDRESS)
        made["metadata"] = {}
        return str(made["id"])

    def charge(self, intent: Data, **values: Any) -> Data:
        """Make a charge of a payment intent."""
        made = self.put(
            stripe.Charge,
            "ch",
            amount=intent["amount"],
            currency=intent["currency"],
            customer=intent["customer"],
            payment_intent=intent["id"],
            payment_method=intent["payment_method"],
            metadata=dict(intent["metadata"]),
            **values,
        )
        intent["latest_charge"] = made["id"]
        return made

    def succeed(self, intent: Data) -> None:
        """Let a payment intent succeed."""
        intent["payment_method"] = intent["payment_method"] or self.card(intent)
        charge = self.charge(
            intent, status="succeeded", paid=True, captured=True, amount_captured=intent["amount"]
        )
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        intent["last_payment_error"] = None
        if self.fees:
            self.book(charge)
        self.emit("charge.succeeded", charge)
        self.emit("payment_intent.succeeded", intent)

    def book(self, charge: Data) -> Data:
        """Write the fee of a charge: 2.9 % and 30 cents."""
        fee = round(charge["amount"] * 0.029) + 30
        booked = self.put(
            stripe.BalanceTransaction,
            "txn",
            amount=charge["amount"],
            currency=charge["currency"],
            fee=fee,
            net=charge["amount"] - fee,
            type="charge",
            balance_type="payments",
            reporting_category="charge",
            status="pending",
            available_on=self.now() + 172_800,
            source=charge["id"],
        )
        charge["balance_transaction"] = booked["id"]
        return booked

    def fail(self, intent: Data, message: str = "Your card was declined.") -> None:
        """Let a payment intent fail."""
        intent["payment_method"] = None
        charge = self.charge(
            intent, status="failed", failure_code="card_declined", failure_message=message
        )
        intent["status"] = "requires_payment_method"
        intent["last_payment_error"] = blank(
            stripe.PaymentIntent.LastPaymentError,
            type="card_error",
            code="card_declined",
            decline_code="generic_decline",
            message=message,
            charge=charge["id"],
        )
        self.emit("charge.failed", charge)
        self.emit("payment_intent.payment_failed", intent)

    # --- Refunds -------------------------------------------------------------------------------
    def make_refund(
        self, intent: Data, amount: int, *, metadata: Data, status: str, reason: str | None = None
    ) -> Data:
        """Pay back a part of a payment."""
        charge = self.objects[intent["latest_charge"]]
        refund = self.put(
            stripe.Refund,
            "re",
            amount=amount,
            charge=charge["id"],
            currency=intent["currency"],
            payment_intent=intent["id"],
            metadata=metadata,
            status=status,
            reason=reason,
        )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
        self.emit("refund.created", refund)
        self.emit("charge.refunded", charge)
        return refund

    def refundable(self, intent: Data) -> int:
        """Return what can still be paid back."""
        charge = self.objects.get(intent["latest_charge"] or "")
        if charge is None or not charge["paid"]:
            return 0
        return int(charge["amount"] - charge["amount_refunded"])

    def refund_in_dashboard(self, payment: str, amount: int | None = None) -> Data:
        """Pay back as the seller can in Stripe's dashboard: without our mark."""
        with self.lock:
            intent = self.get(payment, "payment_intent")
            return self.make_refund(
                intent,
                amount or self.refundable(intent),
                metadata={},
                status="succeeded",
                reason="requested_by_customer",
            )

    def settle_refund(self, refund: str) -> Data:
        """Let a pending refund arrive."""
        return self._end_refund(refund, "succeeded", "refund.updated")

    def fail_refund(self, refund: str) -> Data:
        """Let a refund come back from the buyer's bank."""
        with self.lock:
            found = self.get(refund, "refund")
            charge = self.objects[found["charge"]]
            charge["amount_refunded"] -= found["amount"]
            charge["refunded"] = False
            found["failure_reason"] = "expired_or_canceled_card"
            return self._end_refund(refund, "failed", "refund.failed")

    def _end_refund(self, refund: str, status: str, event: str) -> Data:
        with self.lock:
            found = self.get(refund, "refund")
            before = {"status": found["status"]}
            found["status"] = status
            self.emit(event, found, before)
            return found

    # --- Disputes ------------------------------------------------------------------------------
    def dispute(
        self, payment: str, amount: int | None = None, status: str = "needs_response"
    ) -> Data:
        """Let the buyer contest a payment at the bank."""
        with self.lock:
            intent = self.get(payment, "payment_intent")
            charge = self.objects[intent["latest_charge"]]
            charge["disputed"] = True
            made = self.put(
                stripe.Dispute,
                "du",
                amount=amount or intent["amount"],
                charge=charge["id"],
                currency=intent["currency"],
                payment_intent=intent["id"],
                reason="fraudulent",
                status=status,
            )
            made["evidence_details"]["due_by"] = self.now() + 7 * 86_400
            self.emit("charge.dispute.created", made)
            if not status.startswith("warning"):
                self.emit("charge.dispute.funds_withdrawn", made)
            return made

    def move_dispute(self, dispute: str, status: str) -> Data:
        """Let a dispute go on: under_review, won, lost, warning_closed …"""
        with self.lock:
            found = self.get(dispute, "dispute")
            before = {"status": found["status"]}
            found["status"] = status
            over = status in ("won", "lost", "warning_closed")
            self.emit("charge.dispute.closed" if over else "charge.dispute.updated", found, before)
            if status == "won":
                self.emit("charge.dispute.funds_reinstated", found)
            return found

    def win(self, dispute: str) -> Data:
        """Let the seller win a dispute."""
        return self.move_dispute(dispute, "won")

    def lose(self, dispute: str) -> Data:
        """Let the seller lose a dispute."""
        return self.move_dispute(dispute, "lost")
