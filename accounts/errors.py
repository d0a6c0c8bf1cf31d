"""Errors of this area, in words for the person who asked."""

from common.errors import UserError


class AccountsError(UserError):
    """Something about people, keys or mail cannot be done."""
