"""Errors of this area, in words for the person who asked."""

from common.errors import UserError


class PromptsError(UserError):
    """An idea or an option that can't be used."""
