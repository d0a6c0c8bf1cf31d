"""Errors of this area, in words for the person who asked."""

from common.errors import UserError


class KeyRefused(UserError):
    """An API key that is unknown, revoked, expired or not made for this. HTTP 401 or 403."""

    status = 401


class QuotaExhausted(UserError):
    """The key is good, but its units for today are used up. HTTP 429."""

    status = 429


class LimitReached(UserError):
    """The account's plan does not give more of this, now or at all. HTTP 402."""

    status = 402


class BillingError(UserError):
    """Something about an order, a payment or a plan that cannot be done. HTTP 409."""

    status = 409


class NotEnough(BillingError):
    """The wallet has too few coins, or is frozen by a debt. HTTP 402."""

    status = 402
