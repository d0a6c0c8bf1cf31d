"""The table of what a payment sets off, as the settings name it. See FULFILMENT there."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def names() -> set[str]:
    """Return the names an offer may carry as its handler."""
    return set(settings.FULFILMENT)


def handler(name: str, verb: str) -> Callable[..., Any]:
    """Return the function for `verb` ("fulfil" or "withdraw"). Raises KeyError, ImportError."""
    found: Callable[..., Any] = import_string(settings.FULFILMENT[name][verb])
    return found


def template_problems(name: str, entitlement: Any) -> list[str]:
    """Return what is wrong with an entitlement template, as its handler's `validate` says."""
    path = settings.FULFILMENT[name].get("validate")
    if not isinstance(entitlement, dict):
        return ["its entitlement is not an object"]
    return list(import_string(path)(entitlement)) if path else []
