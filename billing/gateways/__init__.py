"""Payment providers, each one module behind the contract of seven verbs."""

from collections.abc import Callable
from typing import Final

from django.conf import settings

from billing.errors import BillingError
from billing.gateways import sandbox, stripe
from billing.gateways.contract import Gateway

# code → how to make it. A provider is found by its code for as long as rows carry it, also when
# nothing new is sold through it.
GATEWAYS: Final[dict[str, Callable[[], Gateway]]] = {
    "stripe": stripe.Stripe,
    "sandbox": sandbox.Sandbox,
}


def by_code(code: str) -> Gateway:
    """Return a provider. Raises BillingError where it is unknown or not set up here."""
    if code not in configured():
        raise BillingError("gateway_missing", f"The payment provider {code} is not set up here.")
    return GATEWAYS[code]()


def configured() -> list[str]:
    """Return the codes of the providers this installation can talk to, the preferred one first."""
    codes = ["stripe"] if settings.STRIPE_API_KEY and not sells_for_nothing() else []
    # Test payments stay reachable in development beside a real provider; in production never.
    return codes if settings.IS_PRODUCTION else [*codes, "sandbox"]


def sells_for_nothing() -> bool:
    """Whether this is production with a test key: buyers would get what they order and not pay."""
    return settings.IS_PRODUCTION and settings.STRIPE_API_KEY.startswith(("sk_test_", "rk_test_"))


def for_sale() -> Gateway:
    """Return the provider that new orders go to. Raises BillingError where there is none."""
    codes = configured()
    if not codes:
        raise BillingError(
            "payments_off",
            "Nothing can be bought here yet: payments are not set up.",
            status=503,
        )
    return GATEWAYS[codes[0]]()
