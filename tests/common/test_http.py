"""The way out: deadlines, retries where they are safe, and the guard for users' addresses."""

import dataclasses
import gzip
import time

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from common import http
from common.http import ServiceError, call, fetch
from tests.fakes import rude

# The guard as it is, but loopback allowed, so that a test server can be reached at all.
LOOPBACK = dataclasses.replace(http.GUARD, ip_filter_allow_loopback_ips=True)


def kind_of(method: str, url: str, **options: object) -> str:
    with pytest.raises(ServiceError) as failed:
        call(method, url, **options)  # type: ignore[arg-type]
    return failed.value.kind


def test_an_answer_comes_back_whole(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data(
        gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"}
    )
    answer = call("GET", httpserver.url_for("/x"))
    assert (answer.status, answer.content) == (200, b"hello")


def test_a_safe_call_is_tried_again_and_an_unsafe_one_is_not(httpserver: HTTPServer) -> None:
    seen: list[str] = []

    def shaky(request: Request) -> Response:
        seen.append(request.method)
        return Response(status=503 if len(seen) < 3 else 200)

    httpserver.expect_request("/x").respond_with_handler(shaky)
    assert call("GET", httpserver.url_for("/x")).status == 200
    assert seen == ["GET"] * 3
    seen.clear()
    assert kind_of("POST", httpserver.url_for("/x")) == "retry"
    assert seen == ["POST"]


def test_a_post_with_our_own_key_may_be_tried_again(httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("", status=500)
    httpserver.expect_ordered_request("/x").respond_with_data("done")
    assert call("POST", httpserver.url_for("/x"), idempotent=True).content == b"done"


@pytest.mark.parametrize(
    ("status", "for_get", "for_post"),
    [
        (400, "refused", "refused"),
        (404, "refused", "refused"),
        (429, "retry", "retry"),
        (500, "retry", "unknown"),
        (502, "retry", "unknown"),
        (503, "retry", "retry"),
        (504, "retry", "unknown"),
    ],
)
def test_each_status_has_its_meaning(
    httpserver: HTTPServer, status: int, for_get: str, for_post: str
) -> None:
    httpserver.expect_request("/x").respond_with_data("why", status=status)
    assert kind_of("GET", httpserver.url_for("/x"), tries=1) == for_get
    assert kind_of("POST", httpserver.url_for("/x"), tries=1) == for_post


@pytest.mark.parametrize("behaviour", [rude.hang_up, rude.stay_silent, rude.half])
def test_a_post_that_breaks_in_the_middle_is_unknown(behaviour: rude.Behaviour) -> None:
    with rude.rude_server(behaviour) as url:
        assert kind_of("POST", url, deadline=0.5) == "unknown"
        assert kind_of("GET", url, deadline=0.5, tries=1) == "retry"


def test_a_service_that_is_not_there_took_nothing() -> None:
    assert kind_of("POST", "http://127.0.0.1:9/", deadline=1) == "retry"


@pytest.mark.parametrize("behaviour", [rude.drip, rude.drip_headers, rude.stay_silent])
def test_the_deadline_holds_against_a_drip(behaviour: rude.Behaviour) -> None:
    start = time.monotonic()
    with rude.rude_server(behaviour) as url:
        assert kind_of("GET", url, deadline=0.6) == "retry"
    assert time.monotonic() - start < 2


def test_a_flood_is_cut_off() -> None:
    with rude.rude_server(rude.flood) as url:
        assert kind_of("GET", url, most=100_000) == "refused"


def test_redirects_of_a_service_are_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("", status=302, headers={"Location": "/y"})
    assert call("GET", httpserver.url_for("/x")).status == 302


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[fec0::1]/",
        "http://user:pass@example.org/",
        "http://example.org:8080/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http://",
        "not an address",
        "http://[::1",
        "http://example.org:99999/",
        "",
    ],
)
def test_the_guard_refuses_addresses_that_are_not_public_web_pages(url: str) -> None:
    with pytest.raises(ServiceError) as refused:
        fetch(url, deadline=2)
    assert refused.value.kind == "refused"


def test_the_guard_checks_each_redirect(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data(
        "", status=302, headers={"Location": "file:///etc/passwd"}
    )
    with pytest.raises(ServiceError, match="Only http and https"):
        fetch(httpserver.url_for("/x"), config=LOOPBACK)


def test_the_guard_does_not_run_in_circles(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("", status=302, headers={"Location": "/x"})
    with pytest.raises(ServiceError, match="too often"):
        fetch(httpserver.url_for("/x"), config=LOOPBACK)


def test_the_guard_takes_only_the_wanted_kind(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("<html>", content_type="text/html")
    with pytest.raises(ServiceError, match="kind of file"):
        fetch(httpserver.url_for("/x"), kinds=("image/",), config=LOOPBACK)
    httpserver.expect_request("/y").respond_with_data(b"\x89PNG", content_type="image/png")
    assert fetch(httpserver.url_for("/y"), kinds=("image/",), config=LOOPBACK).content == b"\x89PNG"


def test_the_guard_cuts_off_drips_and_floods() -> None:
    start = time.monotonic()
    for behaviour in (rude.drip, rude.drip_headers, rude.flood):
        with rude.rude_server(behaviour) as url, pytest.raises(ServiceError):
            fetch(url, most=1_000_000, deadline=0.6, config=LOOPBACK)
    assert time.monotonic() - start < 3


def test_the_guard_unpacks_no_bomb(httpserver: HTTPServer) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    httpserver.expect_request("/x").respond_with_data(
        bomb, headers={"Content-Encoding": "gzip"}, content_type="image/png"
    )
    with pytest.raises(ServiceError, match="larger than"):
        fetch(httpserver.url_for("/x"), most=1_000_000, config=LOOPBACK)
