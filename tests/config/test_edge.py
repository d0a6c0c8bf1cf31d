"""What is refused at the door, and what logs and caches may keep."""

import io
import json
import logging
import logging.config

import pytest
from django.test import Client

from accounts.models import User
from config.logs import logging_settings


@pytest.mark.parametrize(
    "address", ["/?idea=%00", "/account/%00/", "/admin/accounts/apikey/?plan=%00"]
)
def test_a_nul_in_an_address_is_refused(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad_request"


def test_a_nul_in_a_cookie_is_refused(client: Client) -> None:
    response = client.get("/", HTTP_COOKIE='sessionid="\\000aaaaaaaaaaaaaaa"')
    assert response.status_code == 400


@pytest.mark.parametrize("length", ["6000001", "600000000", "9" * 5000, "-1", "many", "\u00b2"])
def test_a_huge_or_senseless_body_is_refused_before_it_is_read(client: Client, length: str) -> None:
    response = client.generic("POST", "/", b"x", CONTENT_LENGTH=length)
    assert response.status_code == 413
    assert response.headers["Connection"] == "close"


def test_a_senseless_year_in_the_admin_is_a_bad_request(staff_client: Client) -> None:
    address = "/admin/accounts/outgoingmail/?created_at__year=99999999999"
    assert staff_client.get(address).status_code in (302, 400)


@pytest.mark.usefixtures("words")
def test_no_cache_between_us_and_a_person_keeps_their_pages(
    owner_client: Client, client: Client
) -> None:
    for address in ("/", "/account/", "/account/email/", "/api/docs/"):
        policy = owner_client.get(address).headers["Cache-Control"]
        assert "no-store" in policy, address
    assert "no-store" not in client.get("/").headers.get("Cache-Control", "")


@pytest.fixture
def lines() -> io.StringIO:
    """What production's logging writes."""
    stream = io.StringIO()
    settings = logging_settings("INFO", as_json=True)
    settings["handlers"]["stderr"]["stream"] = stream
    before = logging.root.handlers[:], logging.root.level
    logging.config.dictConfig({**settings, "loggers": {}})
    yield stream
    logging.root.handlers, logging.root.level = before[0], before[1]


def test_a_traceback_in_the_log_shows_no_local_values(lines: io.StringIO) -> None:
    password = "hunter2-PASSWORD"
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("x").exception("fault", extra={"password": password})
    entry = json.loads(lines.getvalue())
    assert entry["exception"][0]["exc_type"] == "ValueError"
    assert "hunter2" not in lines.getvalue()


def test_one_time_links_are_blanked_in_the_log(lines: io.StringIO) -> None:
    log = logging.getLogger("x")
    log.info(
        "GET /account/password/reset/key/1-dicoyg-abcdef/",
        extra={"request": "GET /account/confirm-email/Mg:1tk:abc/"},
    )
    log.info("GET /claim/Zx9-claimtoken_w")
    log.info("GET /orders/5d6d/?left=1&key=Qq7-orderkey_1", extra={"url": "/t/x?key=Qq7-orderkey"})
    assert "orderkey" not in lines.getvalue()
    assert "left=1&key=[hidden]" in lines.getvalue()
    assert "claimtoken" not in lines.getvalue()
    assert "dicoyg" not in lines.getvalue()
    assert "1tk" not in lines.getvalue()
    assert "[hidden]" in lines.getvalue()


@pytest.mark.django_db
def test_signed_in_means_private_also_for_the_result_of_a_form(
    words: None, owner_client: Client, owner: User
) -> None:
    response = owner_client.post("/", {"idea": "a fox"})
    assert "private" in response.headers["Cache-Control"]
