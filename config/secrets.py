"""Secrets: made once in development, demanded in production."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet

WEAK_WORDS = (
    "changeme",
    "change-me",
    "password",
    "insecure",
    "secret-key",
    "example",
    "0123456789",
)
SHORTEST = 50  # what Django's own deployment check asks for
FEWEST_CHARACTERS = 12


def random_key() -> str:
    """Return 50 random bytes as text."""
    return secrets.token_urlsafe(50)


def random_field_key() -> str:
    """Return a new Fernet key."""
    return Fernet.generate_key().decode()


def random_password() -> str:
    """Return a password a person can copy: 20 random characters."""
    return secrets.token_urlsafe(15)


def kept(path: Path, make: Callable[[], str] = random_key) -> str:
    """Return the secret in `path`. The first call makes it, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)  # created with mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(make())
        try:
            # A link, not a rename: of two processes starting together the first one wins.
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink()
    return path.read_text(encoding="utf-8").strip()


def weakness(value: str) -> str:
    """Say in words why a secret is too weak for production, or return an empty string."""
    if not value:
        return "is missing"
    if len(value) < SHORTEST:
        return f"is shorter than {SHORTEST} characters"
    if len(set(value)) < FEWEST_CHARACTERS:
        return f"uses fewer than {FEWEST_CHARACTERS} different characters"
    if any(word in value.lower() for word in WEAK_WORDS):
        return "contains a well-known word"
    return ""


def field_key_problem(keys: list[str]) -> str:
    """Say what is wrong with a list of Fernet keys, or return an empty string."""
    if not keys:
        return "is missing"
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            return "holds a value that is not a Fernet key (32 bytes, URL-safe base64)"
    return ""


def production_problems(
    *,
    secret_key: str,
    secret_key_fallbacks: list[str],
    field_keys: list[str],
    admin_token: str,
    database_url: str,
    redis_url: str,
    public_base_url: str,
    proxies_said: bool,
) -> list[str]:
    """List everything that keeps a production start from being safe, a sentence each."""
    problems = [f"SECRET_KEY {weak}." for weak in [weakness(secret_key)] if weak]
    problems += [
        f"SECRET_KEY_FALLBACKS holds a value that {weak}."
        for weak in map(weakness, secret_key_fallbacks)
        if weak
    ]
    if admin_token and (weak := weakness(admin_token)):
        problems.append(f"ADMIN_TOKEN {weak}.")
    if wrong := field_key_problem(field_keys):
        problems.append(f"FIELD_KEYS {wrong}.")
    if not database_url.startswith(("postgres://", "postgresql://")):
        problems.append("DATABASE_URL must be the postgres:// address of a database.")
    if not redis_url:
        problems.append("REDIS_URL is missing.")
    if not public_base_url.startswith("https://"):
        problems.append("PUBLIC_BASE_URL must be the public https:// address.")
    if not proxies_said:
        problems.append(
            "TRUSTED_PROXY_COUNT is missing: say how many reverse proxies stand in front "
            "(1 on most platforms, 0 if gunicorn itself faces the Internet)."
        )
    return problems
