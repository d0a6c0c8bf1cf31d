"""What a request asks for: form values as the types that the SDK says."""

from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from stripe._stripe_object import UntypedStripeObject

from tests.fakes.stripe.hints import Data, Misfit, hints, is_params, options, strip, words


def typed_params(kind: type, raw: Data, path: str = "") -> Data:
    """Return form values as their types. Raises Misfit for what the TypedDict does not know."""
    known = hints(kind)
    done = {}
    for name, value in raw.items():
        where = f"{path}[{name}]" if path else name
        if name not in known:
            raise Misfit(f"Received unknown parameter: {where}", where)
        done[name] = _typed(strip(known[name])[0], value, where)
    for name, note in known.items():
        if strip(note)[1] and name not in done:
            where = f"{path}[{name}]" if path else name
            raise Misfit(f"Missing required param: {where}.", where)
    return done


def _typed(kind: Any, value: Any, where: str) -> Any:
    choices = options(kind)
    allowed = words(choices)
    if allowed is not None:
        if value not in allowed:
            raise Misfit(f"Invalid {where}: must be one of {', '.join(map(str, allowed))}", where)
        return value
    problem: Misfit | None = None
    for option in sorted(choices, key=lambda one: one is str):  # text takes anything: last
        try:
            return _typed_one(option, value, where)
        except Misfit as misfit:
            problem = misfit
    raise problem or Misfit(f"Invalid value: {where}", where)


def _typed_one(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin is list:
        if not isinstance(value, dict) or set(value) != {str(i) for i in range(len(value))}:
            raise Misfit("Invalid array", where)
        inner = get_args(kind)[0]
        return [_typed(inner, value[str(i)], f"{where}[{i}]") for i in range(len(value))]
    if origin is dict or origin is UntypedStripeObject:
        if not isinstance(value, dict):
            raise Misfit("Invalid object", where)
        return {
            name: _typed(get_args(kind)[-1], one, f"{where}[{name}]") for name, one in value.items()
        }
    if is_params(kind):
        if not isinstance(value, dict):
            raise Misfit("Invalid object", where)
        return typed_params(kind, value, where)
    if origin is Literal:
        if value in get_args(kind):
            return value
        raise Misfit(f"Invalid value: {value}", where)
    return _typed_text(kind, value, where)


def _typed_text(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, str):
        raise Misfit("Invalid string: an object was given", where)
    if kind is str:
        return value
    if kind is bool:
        if value in ("true", "false"):
            return value == "true"
        raise Misfit(f"Invalid boolean: {value}", where)
    try:
        return {int: int, float: float, Decimal: Decimal}[kind](value)
    except (ValueError, ArithmeticError, KeyError) as error:
        raise Misfit(f"Invalid {getattr(kind, '__name__', kind)}: {value}", where) from error
