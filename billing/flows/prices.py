"""Prices at the provider: each price of ours has one there, found again by its lookup key."""

from django.conf import settings

from billing.errors import BillingError
from billing.gateways.stripe import Stripe
from billing.models import GatewayPrice, Offer


def sync(stripe: Stripe | None = None) -> list[str]:
    """Find or make the live price of every offer at Stripe; return a line for each new one.

    Raises BillingError without a key, common.http.ServiceError where Stripe refuses or is away.
    What was done until then stays done, and the next run goes on from there.
    """
    if not settings.STRIPE_API_KEY:
        raise BillingError("payments_off", "Stripe is not set up here: STRIPE_API_KEY is empty.")
    gateway = stripe or Stripe()
    known = GatewayPrice.objects.filter(gateway=gateway.code).values("price")
    offers = Offer.objects.filter(price__isnull=False).exclude(price__in=known)
    lines = []
    for offer in offers.select_related("price__offer"):
        if offer.price is not None:
            ref = gateway.ensure_price(offer.price)
            lines.append(f"{offer.price.lookup_key}: {offer.price} is {ref}")
    return lines
