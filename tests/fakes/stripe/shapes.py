"""Objects exactly as the SDK's classes have them: made, and checked."""

from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

import stripe
from stripe import ListObject, StripeObject
from stripe._stripe_object import UntypedStripeObject

from tests.fakes.stripe.hints import Data, Misfit, hints, options, words

# Parts that Stripe leaves out unless they are asked for by `expand`.
ON_REQUEST: dict[type, frozenset[str]] = {
    stripe.checkout.Session: frozenset({"line_items"}),
    stripe.checkout.Session.TotalDetails: frozenset({"breakdown"}),
    stripe.LineItem: frozenset({"discounts", "taxes"}),
    stripe.Invoice: frozenset({"payments"}),
    stripe.Charge: frozenset({"refunds"}),
    stripe.Customer: frozenset(
        {"sources", "subscriptions", "tax", "tax_ids", "cash_balance", "invoice_credit_balance"}
    ),
    stripe.Price: frozenset({"currency_options", "tiers"}),
}
NOT_LISTED = frozenset({"deleted"})  # only there when true


# --- Checking ----------------------------------------------------------------------------------
def check_object(cls: type, data: Any, where: str = "") -> None:
    """Raise Misfit unless `data` is what the SDK's class says: all there, and nothing else."""
    where = where or cls.__name__
    if not isinstance(data, dict):
        raise Misfit(f"is {type(data).__name__}, no object", where)
    if issubclass(cls, ListObject):
        raise Misfit("lists are checked by their members", where)
    known = hints(cls)
    if unknown := set(data) - set(known):
        raise Misfit(f"has unknown {sorted(unknown)}", where)
    for name, kind in known.items():
        if name in data:
            _check(kind, data[name], f"{where}.{name}")
        elif type(None) not in options(kind):
            raise Misfit("is missing", f"{where}.{name}")


def _check(kind: Any, value: Any, where: str) -> None:
    choices = options(kind)
    if value is None:
        if type(None) in choices:
            return
        raise Misfit("is null", where)
    allowed = words(choices)
    if allowed is not None:
        if value not in allowed:
            raise Misfit(f"is {value!r}, none of {allowed}", where)
        return
    problems = []
    for option in choices:
        if option is type(None):
            continue
        try:
            _check_one(option, value, where)
            return
        except Misfit as misfit:
            problems.append(misfit)
    # Of several, the one that went deepest says most.
    raise max(problems, key=lambda one: len(one.param))


def _check_one(kind: Any, value: Any, where: str) -> None:
    origin = get_origin(kind)
    if kind is Any:
        return
    if origin is list or (isinstance(origin, type) and issubclass(origin, ListObject)):
        rows = value
        if origin is not list:
            if not isinstance(value, dict) or set(value) != {"object", "data", "has_more", "url"}:
                raise Misfit("is no list object", where)
            rows = value["data"]
        if not isinstance(rows, list):
            raise Misfit("is no list", where)
        for i, row in enumerate(rows):
            _check(get_args(kind)[0], row, f"{where}[{i}]")
    elif origin is UntypedStripeObject or kind is UntypedStripeObject or origin is dict:
        if not isinstance(value, dict):
            raise Misfit("is no object", where)
    elif origin is Literal:
        if value not in get_args(kind):
            raise Misfit(f"is {value!r}", where)
    elif isinstance(kind, type) and issubclass(kind, StripeObject):
        check_object(kind, value, where)
    elif not _plain(kind, value):
        raise Misfit(f"is {value!r}, no {getattr(kind, '__name__', kind)}", where)


def _plain(kind: Any, value: Any) -> bool:
    if kind is Decimal:
        return isinstance(value, str)  # sent as text
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def check_list(cls: type, data: Data) -> None:
    """Raise Misfit unless `data` is a page of objects of a class."""
    _check_one(ListObject[cls], data, "list")  # type: ignore[valid-type]


# --- Making ------------------------------------------------------------------------------------
def blank(cls: type, **values: Any) -> Data:
    """Return an object with everything a class has: null where that is allowed, else empty."""
    data = {}
    for name, kind in hints(cls).items():
        if name in values:
            data[name] = values.pop(name)
        elif name not in ON_REQUEST.get(cls, ()) and name not in NOT_LISTED:
            data[name] = _empty(kind)
    if values:
        raise TypeError(f"{cls.__name__} has no {sorted(values)}")
    return data


def _empty(kind: Any) -> Any:
    choices = options(kind)
    if type(None) in choices:
        return None
    first = choices[0]
    origin = get_origin(first)
    if origin is Literal:
        return get_args(first)[0]
    if origin is list:
        return []
    if origin is UntypedStripeObject or first is UntypedStripeObject:
        return {}
    if isinstance(first, type) and issubclass(first, StripeObject):
        return blank(first)
    return {int: 0, bool: False, str: "", float: 0.0}.get(first)
