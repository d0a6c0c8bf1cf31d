"""E-mail addresses as we keep them: in lower case, so that `=` finds them by their index."""

from typing import Any

from django.db import models


def normal_address(address: str) -> str:
    """Return an address the way it is stored: without spaces around it, in lower case."""
    return address.strip().lower()


class AddressField(models.EmailField):
    """An e-mail address. Whatever is stored or looked for is in lower case."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Show on the instance what the database gets."""
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):  # not an expression
            value = normal_address(value)
            setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Lower the case on the way to the database, also of what is looked for."""
        value = super().get_prep_value(value)
        return normal_address(value) if isinstance(value, str) else value
