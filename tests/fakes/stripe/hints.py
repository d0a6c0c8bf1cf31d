"""What the official SDK's types say: the attributes of its classes, the keys of its parameters.

Parameters are checked against the TypedDicts of `stripe.params` (see `asked`), objects against the
annotations of the SDK's resource classes (see `shapes`). So the fake is not only our own belief.
"""

import ast
import importlib
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import typing_extensions
from stripe import ListObject, StripeObject
from stripe._request_options import RequestOptions

Data = dict[str, Any]

OPTIONS = frozenset(RequestOptions.__annotations__)  # for the client, never sent as parameters


class Misfit(Exception):
    """A value that the SDK's types do not allow. `param` is where."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(f"{message} ({param})" if param else message)
        self.message = message
        self.param = param


class _LateNames(Mapping[str, Any]):
    """Names a module of the SDK imports for type checkers only, imported when asked for."""

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module
        self.sources = dict(self._imports(ast.parse(inspect.getsource(module))))

    def _imports(self, tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    yield alias.asname or alias.name, (node.module, alias.name)

    def __getitem__(self, name: str) -> Any:
        if name in vars(self.module):
            return vars(self.module)[name]
        source, attribute = self.sources[name]
        return getattr(importlib.import_module(source), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)


@cache
def _names(module: str) -> _LateNames:
    return _LateNames(sys.modules[module])


@cache
def hints(cls: type) -> dict[str, Any]:
    """Return the attributes of a resource class, or the keys of a TypedDict, with their types."""
    names = _names(cls.__module__)
    # An extra name that RequestOptions refers to without importing it.
    own = {"StripeContext": Any}
    found = {}
    for base in reversed(cls.__mro__):
        notes = base.__dict__.get("__annotations__", {})
        if base.__module__ == cls.__module__ or is_params(cls):
            plain = {
                name: note
                for name, note in notes.items()
                if not name.startswith("_") and not (name in OPTIONS and is_params(cls))
            }
            holder = type(cls.__name__, (), {"__annotations__": plain})
            found |= get_type_hints(holder, own, names, include_extras=True)  # type: ignore[arg-type]
    return {name: note for name, note in found.items() if get_origin(note) is not ClassVar}


def is_params(kind: Any) -> bool:
    """Whether a type is a TypedDict."""
    return isinstance(kind, type) and issubclass(kind, dict) and hasattr(kind, "__total__")


def options(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type alone."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(one for part in get_args(kind) for one in options(part))
    return (kind,)


def strip(kind: Any) -> tuple[Any, bool]:
    """Return a type without NotRequired, and whether it was required."""
    if get_origin(kind) in (typing_extensions.NotRequired,):
        return get_args(kind)[0], False
    return kind, True


def words(choices: tuple[Any, ...]) -> list[Any] | None:
    """Return the allowed words where a type is a list of words. `| str` is for words to come."""
    found = [word for one in choices if get_origin(one) is Literal for word in get_args(one)]
    if not found or any(
        one not in (str, type(None)) and get_origin(one) is not Literal for one in choices
    ):
        return None
    # "" beside str clears a text; it is no list of words.
    return None if found == [""] and str in choices else found


def resource(kind: Any) -> tuple[type, ...]:
    """Return the resource classes a field can hold."""
    return tuple(
        one for one in options(kind) if isinstance(one, type) and issubclass(one, StripeObject)
    )


def listed(kind: Any) -> type | None:
    """Return the class of a list object's rows, where a field is one."""
    for one in options(kind):
        origin = get_origin(one)
        if isinstance(origin, type) and issubclass(origin, ListObject):
            found: type = get_args(one)[0]
            return found
    return None


def may_be_id(kind: Any) -> bool:
    """Whether a field holds an id that can be expanded, or a list of such."""
    inner = [get_args(one)[0] for one in options(kind) if get_origin(one) is list]
    return any(may_be_id(one) for one in inner) or (str in options(kind) and bool(resource(kind)))
