"""Who is who in the tests: an owner, a stranger, staff, and a partner with a key."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.brands import table
from accounts.flows import keys, signup
from accounts.models import Account, ApiKey, User
from billing import triggers
from prompts.flows import optimize, vocabulary

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def clean_slate(settings: Settings) -> Iterator[None]:
    """Counters, brands in memory and delivered mails do not leak from test to test."""
    settings.EMAIL_BACKEND = "accounts.adapter.OutboxEmailBackend"  # pytest-django puts its own
    cache.clear()
    table.clear()
    shutil.rmtree(django_settings.MAILBOX_DIR, ignore_errors=True)
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def ledger_can_be_flushed() -> Iterator[None]:
    """Lift the ledger's triggers while Django empties a SQLite database after a test.

    PostgreSQL empties it by TRUNCATE, which sets off none of them.
    """
    if connection.vendor != "sqlite":
        yield
        return
    operations = type(connection.ops)
    flush = operations.sql_flush

    def lifted(*args: Any, **options: Any) -> list[str]:
        statements = flush(*args, **options)
        return [*triggers.REMOVE["sqlite"], *statements, *triggers.INSTALL["sqlite"]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", lifted)
        yield


@pytest.fixture
def owner(db: None) -> User:
    """A person with an account."""
    user = User.objects.create_user("owner@example.org", PASSWORD, name="Olga Owner")
    signup.personal_account(user)
    return user


@pytest.fixture
def stranger(db: None) -> User:
    """Another person, with nothing to do with the owner."""
    user = User.objects.create_user("stranger@example.org", PASSWORD)
    signup.personal_account(user)
    return user


@pytest.fixture
def staff(db: None) -> User:
    """A member of staff who may do everything."""
    return User.objects.create_superuser("staff@example.org", PASSWORD)


@pytest.fixture
def account(owner: User) -> Account:
    """The owner's account."""
    return signup.personal_account(owner)


@pytest.fixture
def key(account: Account) -> tuple[ApiKey, str]:
    """A partner's key with 5 units a day, and its text."""
    return keys.issue(account, name="Partner", daily_limit=5)


@pytest.fixture
def owner_client(owner: User) -> Client:
    """A browser in which the owner is signed in."""
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def stranger_client(stranger: User) -> Client:
    """A browser in which the stranger is signed in."""
    client = Client()
    client.force_login(stranger)
    return client


@pytest.fixture
def staff_client(staff: User) -> Client:
    """A browser in which staff is signed in."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def project() -> Path:
    """The project's folder."""
    return Path(django_settings.BASE_DIR)


@pytest.fixture
def words(db: None) -> Iterator[None]:
    """The starter vocabulary in the database, and nothing kept in memory from another test."""
    vocabulary.store.clear()
    optimize.cache.clear()
    vocabulary.load_starter()
    yield
    vocabulary.store.clear()
    optimize.cache.clear()
