"""Columns that the database never sees in clear."""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models, transaction


def cipher() -> MultiFernet:
    """Return the cipher of `settings.FIELD_KEYS`: the first key encrypts, all of them decrypt."""
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


class UnreadableSecret(Exception):
    """An encrypted value was written with a key that is no longer in FIELD_KEYS."""


class EncryptedTextField(models.TextField):
    """Text, encrypted with Fernet (AES-128-CBC, HMAC-SHA256). Empty stays empty.

    It cannot be searched. To rotate: put a new key first in FIELD_KEYS, call `rotate` for every
    model that has such a column, then drop the old key.
    """

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt on the way to the database."""
        value = super().get_prep_value(value)
        return cipher().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Decrypt on the way back. Raises UnreadableSecret when no key fits."""
        if not value:
            return value
        try:
            return cipher().decrypt(value.encode()).decode()
        except InvalidToken:
            raise UnreadableSecret(f"{self.model.__name__}.{self.name}") from None

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse to search: equal texts have different ciphertexts."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None


def rotate(model: type[models.Model]) -> int:
    """Encrypt a model's secrets with the first key again, row by row; return the number of rows."""
    names = [f.name for f in model._meta.concrete_fields if isinstance(f, EncryptedTextField)]
    rows = 0
    for pk in model._default_manager.values_list("pk", flat=True).iterator(chunk_size=500):
        with transaction.atomic():  # the lock keeps a writer from being overwritten with old text
            row = (
                model._default_manager.select_for_update().only("pk", *names).filter(pk=pk).first()
            )
            if row is not None:
                row.save(update_fields=names)
                rows += 1
    return rows
