"""Errors of this area, in words for the person who asked."""

from common.errors import UserError


class KeyRefused(UserError):
    """An API key that is unknown, revoked, expired or not made for this. HTTP 401 or 403."""

    status = 401


class QuotaExhausted(UserError):
    """The key is good, but its units for today are used up. HTTP 429."""

    status = 429
