"""Rows that move from state to state, only as the table of legal moves allows."""

from typing import Any, ClassVar

from django.db import models

from billing.moves import sources


class Moving(models.Model):
    """A row with a `state`; `moves` names its part of the table in `billing.moves`."""

    moves: ClassVar[str]

    class Meta:
        abstract = True

    def move(self, to: str, **fields: Any) -> bool:
        """Move to a state and write `fields` in one conditional UPDATE.

        False: the move is not legal from where the row stands by now; nothing was written.
        """
        changes: dict[str, Any] = {"state": to, **fields}
        legal: dict[str, Any] = {"state__in": sources(type(self).moves, to)}
        if not type(self)._default_manager.filter(pk=self.pk, **legal).update(**changes):
            return False
        for name, value in changes.items():
            setattr(self, name, value)
        return True
