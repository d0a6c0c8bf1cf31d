"""What the environment switches, read as a program starts."""

import ast
import json
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import OutgoingMail
from config.env import Env, SettingError
from tests.house.test_security import STRONG, manage

READ = (
    "import json; from django.conf import settings as s;"
    "print(json.dumps({n: getattr(s, n) for n in "
    "['SECRET_KEY','DEFAULT_FROM_EMAIL','SENDGRID_API_KEY','SMTP_HOST','EMAIL_PORT','EMAIL_HOST_USER',"
    "'EMAIL_HOST_PASSWORD','EMAIL_USE_TLS','MAIL_TRANSPORT','PUBLIC_BASE_URL','CSRF_TRUSTED_ORIGINS',"
    "'SESSION_COOKIE_SECURE','SECURE_HSTS_SECONDS','ALLOWED_HOSTS'] } | {'database': "
    "str(s.DATABASES['default']['NAME']), 'broker': s.CELERY_BROKER_URL, 'media': "
    "s.STORAGES['default']['BACKEND'], 'engine': s.DATABASES['default']['ENGINE']}))"
)


def settings_of(project: Path, **environment: str) -> dict[str, object]:
    done = manage(project, "shell", "--no-imports", "-c", READ, **environment)
    assert done.returncode == 0, done.stderr[-1500:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_mail_variables_reach_the_mail_server(project: Path) -> None:
    values = settings_of(
        project,
        **STRONG,
        SMTP_PORT="2525",
        SMTP_USER="me",
        SMTP_PASS="geheim",
        FROM_EMAIL="Shop <shop@example.org>",
    )
    assert (values["SMTP_HOST"], values["EMAIL_PORT"]) == ("smtp.example.org", 2525)
    assert (values["EMAIL_HOST_USER"], values["EMAIL_HOST_PASSWORD"]) == ("me", "geheim")
    assert values["DEFAULT_FROM_EMAIL"] == "Shop <shop@example.org>"
    assert values["MAIL_TRANSPORT"] == "django.core.mail.backends.smtp.EmailBackend"


def test_sendgrid_comes_before_smtp_and_the_port_is_587_by_default(project: Path) -> None:
    values = settings_of(project, **STRONG, SENDGRID_API_KEY="SG.x")
    assert values["MAIL_TRANSPORT"] == "anymail.backends.sendgrid.EmailBackend"
    assert values["EMAIL_PORT"] == 587


def test_the_public_address_decides_cookies_hosts_and_https(project: Path) -> None:
    values = settings_of(project, **STRONG)
    assert values["PUBLIC_BASE_URL"] == "https://atelier.example.org"
    assert values["CSRF_TRUSTED_ORIGINS"] == ["https://atelier.example.org"]
    assert values["ALLOWED_HOSTS"] == ["atelier.example.org"]
    assert values["SESSION_COOKIE_SECURE"] is True
    assert values["SECURE_HSTS_SECONDS"] == 31_536_000


def test_urls_switch_to_the_real_database_broker_and_storage(project: Path) -> None:
    values = settings_of(project, **STRONG, S3_BUCKET="media")
    assert values["engine"] == "django.db.backends.postgresql"
    assert str(values["broker"]).startswith("redis://127.0.0.1:1")
    assert values["media"] == "storages.backends.s3.S3Storage"


def test_without_urls_development_keeps_everything_under_var(project: Path, tmp_path: Path) -> None:
    values = settings_of(project, ATELIER_ENV="dev", VAR_DIR=str(tmp_path))
    assert values["database"] == str(tmp_path / "db.sqlite3")
    assert values["broker"] == f"redis+socket://{tmp_path}/valkey.sock"
    assert values["media"] == "django.core.files.storage.FileSystemStorage"


def test_usage_db_still_names_the_database_file(project: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "usage.db")
    values = settings_of(project, ATELIER_ENV="dev", VAR_DIR=str(tmp_path), USAGE_DB=file)
    assert values["database"] == file


def test_sqlite_waits_30_seconds_and_writes_ahead() -> None:
    if connection.vendor != "sqlite":
        assert connection.settings_dict["CONN_MAX_AGE"] == 60  # pooled by keeping connections open
        return
    options = connection.settings_dict["OPTIONS"]
    assert options["timeout"] == 30
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


@pytest.mark.django_db
def test_links_in_mails_start_with_the_public_address_whatever_host_was_asked(
    client: Client, settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL = "https://atelier.example.org"
    person = {"email": "a@example.org", "password1": "correct horse battery"}
    client.post("/account/signup/", person, HTTP_HOST="sneaky.localhost")
    client.post(
        "/account/password/reset/", {"email": "a@example.org"}, HTTP_HOST="sneaky.localhost"
    )
    for mail in OutgoingMail.objects.all():
        text = mail.get_content()["text"]
        assert "https://atelier.example.org/account/" in text
        assert "sneaky" not in text


def test_a_value_that_makes_no_sense_is_named() -> None:
    env = Env({"PORT": "many", "FLAG": "perhaps", "LOW": "0"})
    with pytest.raises(SettingError, match="PORT must be a whole number"):
        env.number("PORT", 1, help="")
    with pytest.raises(SettingError, match="FLAG must be true or false"):
        env.flag("FLAG", True, help="")
    with pytest.raises(SettingError, match="at least 1"):
        env.number("LOW", 1, help="", low=1)


def test_every_function_is_typed(project: Path) -> None:
    untyped = []
    for app in ("accounts", "billing", "common", "config", "prompts"):
        for path in (project / app).rglob("*.py"):
            if "migrations" in str(path):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    named = [a for a in node.args.args if a.arg not in ("self", "cls")]
                    constructor = node.name == "__init__"
                    if any(a.annotation is None for a in named) or (
                        node.returns is None and not constructor
                    ):
                        untyped.append(f"{path.relative_to(project)}:{node.lineno} {node.name}")
    assert untyped == []
