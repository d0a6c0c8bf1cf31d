"""Audit: what staff do is recorded in the transaction that does it, or it does not happen."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import models, transaction
from django.forms.models import model_to_dict

from accounts.errors import AccountsError
from accounts.models import AuditEntry, User

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=models.Model)
HIDDEN = {"password", "digest", "sealed", "claim_digest", "body"}


def audited(
    action: str, *fields: str, needs_reason: bool = True
) -> Callable[[Callable[Concatenate[M, P], R]], Callable[Concatenate[M, P], R]]:
    """Make a flow leave an AuditEntry about its first argument, in the same transaction.

    The flow takes `actor` and `reason` by name. `fields` are what is recorded before and after;
    without any, all columns that are no secret. Raises AccountsError `reason_missing`.
    """

    def decorate(flow: Callable[Concatenate[M, P], R]) -> Callable[Concatenate[M, P], R]:
        @wraps(flow)
        def recorded(thing: M, /, *args: P.args, **kwargs: P.kwargs) -> R:
            actor, reason = kwargs.get("actor"), str(kwargs.get("reason") or "")
            with recording(
                [thing], action, *fields, actor=actor, reason=reason, needs_reason=needs_reason
            ):
                return flow(thing, *args, **kwargs)

        return recorded

    return decorate


@contextmanager
def recording(
    things: Sequence[models.Model],
    action: str,
    *fields: str,
    actor: Any,
    reason: str,
    needs_reason: bool = True,
) -> Iterator[None]:
    """Leave an AuditEntry about each thing that is changed inside, in one transaction with it.

    For what no flow of its own does: a form that is saved, many rows changed by one UPDATE. A thing
    that is only made inside has nothing before. Raises AccountsError `reason_missing`.
    """
    reason = reason.strip()
    if needs_reason and not reason:
        raise AccountsError("reason_missing", "Say why, for those who look at it later.")
    with transaction.atomic():
        before = _columns(things, fields)
        yield
        after = _columns(things, fields)
        AuditEntry.objects.bulk_create(
            AuditEntry(
                actor=actor if isinstance(actor, User) else None,
                action=action,
                model=thing._meta.label_lower,
                object_id=str(thing.pk),
                label=str(thing)[:200],
                before=before.get(thing.pk, {}),
                after=after.get(thing.pk, {}),
                reason=reason[:300],
            )
            for thing in things
        )


def _columns(things: Sequence[models.Model], fields: tuple[str, ...]) -> dict[Any, dict[str, str]]:
    """Read rows of one table as the database has them now, as text, without what is secret."""
    pks = [thing.pk for thing in things if thing.pk is not None]
    if not pks:
        return {}
    rows = type(things[0])._base_manager.filter(pk__in=pks)
    return {row.pk: _texts(row, fields) for row in rows}


def _texts(row: models.Model, fields: tuple[str, ...]) -> dict[str, str]:
    names = fields or tuple(model_to_dict(row))
    return {name: str(getattr(row, name)) for name in names if name not in HIDDEN}
