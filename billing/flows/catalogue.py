"""Catalogue: the offers of a fresh installation, and how staff change what they cost."""

from pathlib import Path
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from accounts.flows.audit import audited
from accounts.models import User
from billing.errors import BillingError
from billing.flows import invoices
from billing.models import Offer, Price, Seller

STARTER = Path(__file__).resolve().parent.parent / "data" / "offers.json"


def load_starter() -> list[str]:
    """Make the offers that are missing, published, and return a line for each.

    An offer that is there, however staff changed it, is left alone.
    """
    made = []
    with transaction.atomic():
        if not Seller.objects.exists():
            made.append(f"seller {invoices.seller().name}: fill in name, address and tax number")
        known = set(Offer.objects.values_list("code", flat=True))
        for row in orjson.loads(STARTER.read_bytes()):
            if row["code"] not in known:
                made.append(f"offer {_make(row).code}")
    return made


def _make(row: dict[str, Any]) -> Offer:
    values = dict(row)
    price = {
        "amount": values.pop("amount"),
        "interval": values.pop("interval", ""),
        "entitlement": values.pop("entitlement"),
    }
    offer = Offer.objects.create(**values)
    offer.price = Price.objects.create(offer=offer, **price)
    offer.published = True
    offer.full_clean()
    offer.save(update_fields=["price", "published"])
    return offer


@audited("billing.new_price", "price")
def new_price(
    offer: Offer,
    *,
    amount: int,
    actor: User,
    reason: str,
    entitlement: dict[str, Any] | None = None,
) -> Price:
    """Replace the live price by a new version; what was sold under the old one stays as it was.

    Raises BillingError where the offer could not be sold with it.
    """
    with transaction.atomic():
        offer = Offer.objects.select_for_update().get(pk=offer.pk)
        old = offer.price
        if old is None:
            raise BillingError("no_price", "Make its first price in the offer's form.")
        price = Price.objects.create(
            offer=offer,
            amount=amount,
            currency=old.currency,
            interval=old.interval,
            includes_tax=old.includes_tax,
            entitlement=old.entitlement if entitlement is None else entitlement,
        )
        Price.objects.filter(pk=old.pk, valid_to__isnull=True).update(valid_to=timezone.now())
        offer.price = price
        if found := offer.problems():
            raise BillingError("not_sellable", f"That does not work: {'; '.join(found)}.")
        offer.save(update_fields=["price"])
    return price


def problems() -> list[str]:
    """Return what is wrong with published offers, in words for staff."""
    return [
        f"{offer.code}: {problem}"
        for offer in Offer.objects.published()
        for problem in offer.problems()
    ]
