"""The staff door: people, brands, keys, mail."""

from accounts.admin import brands, keys, mail, people

__all__ = ["brands", "keys", "mail", "people"]
