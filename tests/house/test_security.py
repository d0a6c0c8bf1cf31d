"""Headers, health, environments and errors."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.test import Client

STRONG = {
    "SECRET_KEY": "v3ryR4ndom-Zq8LmX2cT7pWn5KdHs9BfJ0aGyUe4iRoQxVt6-NkE1",
    "FIELD_KEYS": Fernet.generate_key().decode(),
    "DATABASE_URL": "postgres://u:p@127.0.0.1:1/x",
    "REDIS_URL": "redis://127.0.0.1:1",
    "PUBLIC_BASE_URL": "https://atelier.example.org",
    "SMTP_HOST": "smtp.example.org",
    "TRUSTED_PROXY_COUNT": "1",
}


def manage(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with nothing but these variables."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=project,
        env={"PATH": os.environ["PATH"], "VAR_DIR": "/nonexistent/never-written", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_bare_manage_py_is_production_and_says_what_is_missing(project: Path) -> None:
    done = manage(project, "check")
    assert done.returncode != 0
    for name in ("SECRET_KEY is missing", "FIELD_KEYS is missing", "DATABASE_URL", "REDIS_URL"):
        assert name in done.stderr
    assert "production" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRET_KEY", "changeme-please-this-is-only-a-placeholder-for-now-1", "well-known word"),
        ("SECRET_KEY", "short", "shorter than 50"),
        ("SECRET_KEY", "a" * 60, "different characters"),
        ("FIELD_KEYS", "not-a-key", "not a Fernet key"),
        ("PUBLIC_BASE_URL", "http://plain.example.org", "https://"),
        ("ADMIN_TOKEN", "changeme", "ADMIN_TOKEN is shorter"),
        ("SECRET_KEY_FALLBACKS", "old", "SECRET_KEY_FALLBACKS holds"),
        ("DATABASE_URL", "sqlite:///somewhere.db", "postgres://"),
        ("REDIS_URL", "unix:///run/redis.sock", "redis://"),
        ("ATELIER_ENV", "prod", "must be one of"),
    ],
)
def test_production_refuses_weak_values(project: Path, name: str, value: str, says: str) -> None:
    done = manage(project, "check", **{**STRONG, name: value})
    assert done.returncode != 0
    assert says in done.stderr


def test_production_starts_with_strong_values_and_says_that_it_is_production(project: Path) -> None:
    done = manage(project, "check", "--deploy", "--fail-level", "WARNING", **STRONG)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "production environment" in done.stderr


def test_development_privileges_do_not_exist_in_production(project: Path) -> None:
    code = (
        "from django.conf import settings as s;"
        "print(repr([s.DEMO_KEY, s.OUTBOX_PAGE, s.STAFF_PASSWORD, s.MAIL_TRANSPORT, s.DEBUG]))"
    )
    done = manage(project, "shell", "--no-imports", "-c", code, **STRONG)
    assert "['', False, '', 'django.core.mail.backends.smtp.EmailBackend', False]" in done.stdout


def test_names_of_earlier_installations_work_as_aliases(project: Path) -> None:
    values = {**STRONG, "SESSION_SECRET": STRONG["SECRET_KEY"]}
    del values["SECRET_KEY"]
    assert manage(project, "check", **values).returncode == 0


def test_a_secret_can_come_from_a_file(project: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(STRONG["SECRET_KEY"] + "\n")
    values = {**STRONG, "SECRET_KEY_FILE": str(tmp_path / "key")}
    del values["SECRET_KEY"]
    assert manage(project, "check", **values).returncode == 0


def test_secrets_of_development_are_made_once_and_readable_by_their_owner_only(
    tmp_path: Path,
) -> None:
    from config.secrets import kept

    path = tmp_path / "var" / "staff-password"
    first = kept(path)
    assert kept(path) == first
    assert len(first) > 20
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("words")
def test_every_page_carries_the_security_headers(client: Client) -> None:
    for address in ("/", "/account/login/", "/nothing-here"):
        headers = client.get(address).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.usefixtures("words")
def test_no_page_has_inline_scripts_or_styles(client: Client, staff_client: Client) -> None:
    for address in ("/", "/account/login/", "/account/signup/", "/api/docs/"):
        page = client.get(address).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*json)", page), address
        assert not re.search(r"\sstyle=|\son\w+=|<style", page), address


def test_health_says_that_the_process_answers(client: Client) -> None:
    assert client.get("/healthz").content == b"ok"


@pytest.mark.django_db
def test_readiness_says_which_part_is_missing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").json() == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "broker": "ok",
    }
    monkeypatch.setattr("config.middleware.cache.get", lambda key: (_ for _ in ()).throw(OSError()))
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["broker"] == "unreachable"


@pytest.mark.django_db
def test_errors_are_pages_for_people_and_json_for_programs(client: Client) -> None:
    page = client.get("/nothing-here")
    assert page.status_code == 404
    assert b"<html" in page.content
    answer = client.get("/api/nothing-here")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_logs_carry_no_secret() -> None:
    from config.logs import hide_secrets

    event = hide_secrets(None, "info", {"event": "x", "api_key": "k", "Password": "p", "user": 1})
    assert json.dumps(event) == json.dumps(
        {"event": "x", "api_key": "[hidden]", "Password": "[hidden]", "user": 1}
    )
