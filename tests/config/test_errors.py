"""The pages for what goes wrong, also when the database is what went wrong."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.brands import table
from config.views import server_error
from prompts.flows import vocabulary


@pytest.fixture
def broken_database(db: None) -> Iterator[None]:
    """Every query fails, as with a database that went away."""

    def fail(*arguments: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    table.clear()  # the first page of a process would ask for the brands
    with connection.execute_wrapper(fail):
        yield


def test_a_broken_database_gives_our_page_and_says_nothing_about_itself(
    broken_database: None,
) -> None:
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "somebody-signed-in"
    client.cookies["theme"] = "light"
    response = client.get("/account/")
    page = response.content.decode()
    assert response.status_code == 500
    assert "Something broke on our side" in page
    assert 'data-theme="light"' in page
    assert "unexpectedly" not in page


def test_a_program_gets_json_from_a_broken_database(broken_database: None) -> None:
    client = Client(raise_request_exception=False)
    response = client.post(
        "/api/optimize",
        {"idea": "a fox"},
        content_type="application/json",
        headers={"X-API-Key": "demo123"},
    )
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/json"
    assert "error" in response.json()


def test_the_page_for_our_faults_needs_no_session_and_no_user(settings: Settings) -> None:
    request = RequestFactory().get("/")  # no middleware has touched it
    assert b"Something broke on our side" in server_error(request).content


@pytest.mark.django_db
def test_an_error_meant_for_the_user_is_a_page_that_says_it(client: Client) -> None:
    vocabulary.store.clear()
    page = client.get("/")  # nothing is seeded, so there is no vocabulary yet
    assert page.status_code == 503
    assert "The vocabulary is not loaded yet" in page.content.decode()


@pytest.mark.django_db
def test_a_login_that_cannot_count_its_tries_is_refused_kindly(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RedisConnectionError("no route to the store")

    settings.ACCOUNT_RATE_LIMITS = {"login": "30/m/ip"}
    monkeypatch.setattr(cache, "get", fail)
    monkeypatch.setattr(cache, "add", fail)
    page = client.post("/account/login/", {"login": "a@example.org", "password": "x"})
    assert page.status_code == 503
    assert "A part of the site is away" in page.content.decode()
