"""The staff door: people, brands, keys, mail."""

from accounts.admin import audit, brands, keys, mail, people

__all__ = ["audit", "brands", "keys", "mail", "people"]
