"""The doors for programs: exact input, clear errors, charged once."""

import json
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey
from billing.models import UsageCounter
from prompts import optimizer
from prompts.flows import optimize

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]
Key = tuple[ApiKey, str]
DOORS = ["/optimize", "/api/optimize", "/api/v1/optimize"]
SHAPE = [
    "prompt",
    "negative",
    "slots",
    "dropped",
    "platforms",
    "tokens",
    "hints",
    "vocabulary_version",
]


def post(client: Client, path: str, data: Any, key: str = "", **headers: str) -> Any:
    if key:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    body = data if isinstance(data, (str, bytes)) else json.dumps(data)
    return client.post(path, body, content_type="application/json", **headers)  # type: ignore[arg-type]


def used() -> int:
    counter = UsageCounter.objects.first()
    return counter.used if counter else 0


@pytest.mark.parametrize("door", DOORS)
def test_the_exact_input_gives_the_whole_answer_at_every_door(
    client: Client, key: Key, door: str
) -> None:
    data = {
        "idea": "a lighthouse at dawn",
        "negative": "people",
        "aspect_ratio": "16:9",
        "lighting": "golden hour",
        "color_grade": "teal and orange",
        "extra_tags": ["film grain"],
    }
    response = post(client, door, data, key[1])
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == SHAPE
    assert list(answer["slots"]) == list(optimizer.SLOTS)
    assert list(answer["platforms"]) == ["sdxl", "comfyui", "midjourney", "pika", "runway"]
    assert "a lighthouse at dawn" in answer["prompt"]
    assert "people" in answer["negative"]
    assert "workflow" in answer["platforms"]["comfyui"]
    assert response.headers["RateLimit-Limit"] == "5"
    assert response.headers["RateLimit-Remaining"] == "4"


def test_all_doors_give_the_same_bytes(client: Client, key: Key) -> None:
    bodies = {post(client, door, {"idea": "a red fox"}, key[1]).content for door in DOORS}
    assert len(bodies) == 1


def test_json_is_compact_and_in_order(client: Client, key: Key) -> None:
    body = post(client, "/optimize", {"idea": "a red fox"}, key[1]).content
    assert body == orjson.dumps(orjson.loads(body))
    assert body.startswith(b'{"prompt":')


def test_a_key_may_come_in_its_own_header(client: Client, key: Key) -> None:
    assert post(client, "/optimize", {"idea": "fox"}, HTTP_X_API_KEY=key[1]).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"revoked_at": timezone.now()}, 401, "key_revoked"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, 401, "key_expired"),
        ({"scopes": "staff"}, 403, "key_scope"),
        ({"daily_limit": 0}, 429, "quota_exhausted"),
    ],
)
def test_a_key_that_may_not_gets_a_clear_error(
    client: Client, key: Key, change: dict[str, Any], status: int, code: str
) -> None:
    ApiKey.objects.update(**change)
    for path in (*DOORS, "/api/v1/optimize/batch"):
        data = {"ideas": ["fox"]} if "batch" in path else {"idea": "fox"}
        response = post(client, path, data, key[1])
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_stranger_and_a_wrong_key_get_a_clear_error(client: Client) -> None:
    stranger = post(client, "/optimize", {"idea": "fox"})
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (401, "key_missing")
    assert stranger.headers["WWW-Authenticate"] == "Bearer"
    wrong = post(client, "/optimize", {"idea": "fox"}, "wrong")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "key_unknown")


def test_a_key_in_the_address_is_not_read(client: Client, key: Key) -> None:
    response = post(client, f"/optimize?api_key={key[1]}", {"idea": "fox"})
    assert response.json()["error"]["code"] == "key_missing"


def test_an_exhausted_key_is_told_when_to_come_back(client: Client, key: Key) -> None:
    for _ in range(5):
        assert post(client, "/optimize", {"idea": "fox"}, key[1]).status_code == 200
    response = post(client, "/optimize", {"idea": "fox"}, key[1])
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["limit"]) == (429, "quota_exhausted", 5)
    assert 0 < int(response.headers["Retry-After"]) <= 86400


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ("{", 400, "invalid_json", None),
        ("", 400, "missing_field", "idea"),
        ("[]", 400, "invalid_type", None),
        ('"fox"', 400, "invalid_type", None),
        ("{}", 400, "missing_field", "idea"),
        ({"idea": ""}, 400, "missing_field", "idea"),
        ({"idea": None}, 400, "missing_field", "idea"),
        ({"idea": 7}, 400, "invalid_type", "idea"),
        ({"idea": "x" * 5000}, 400, "too_long", "idea"),
        ({"idea": "fox", "surprise": 1}, 400, "unknown_field", "surprise"),
        ({"idea": "fox", "aspect_ratio": "wide"}, 400, "invalid_value", "aspect_ratio"),
        ({"idea": "fox", "steps": 1000}, 400, "invalid_value", "steps"),
        ({"idea": "fox", "extra_tags": 7}, 400, "invalid_type", "extra_tags"),
        (b'{"idea": "\xff"}', 400, "invalid_json", None),
        ('{"idea": "\\ud800"}', 400, "invalid_json", None),
        ("x" * 10_000_000, 413, "body_too_large", None),
    ],
)
def test_bad_input_gets_a_clear_error_and_costs_nothing(
    client: Client, key: Key, body: Any, status: int, code: str, field: str | None
) -> None:
    response = post(client, "/optimize", body, key[1])
    error = response.json()["error"]
    assert (response.status_code, error["code"], error.get("field")) == (status, code, field)
    assert error["message"].endswith(".")
    assert used() == 0


def test_another_content_type_gets_a_clear_error(client: Client, key: Key) -> None:
    response = client.post("/optimize", {"idea": "fox"}, HTTP_AUTHORIZATION=f"Bearer {key[1]}")
    assert response.status_code == 415
    assert response.json()["error"]["code"] == "unsupported_media_type"


def test_a_failed_flow_gives_the_unit_back(
    client: Client, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr(optimizer, "optimize", lambda *args: 1 / 0)
    response = post(client, "/optimize", {"idea": "fox"}, key[1])
    assert (response.status_code, response.json()["error"]["code"]) == (500, "server_error")
    assert used() == 0


def test_a_batch_is_charged_whole_or_not_at_all(client: Client, key: Key) -> None:
    path = "/api/v1/optimize/batch"
    eight = post(client, path, {"ideas": [f"idea {n}" for n in range(8)]}, key[1])
    assert (eight.status_code, used()) == (429, 0)
    three = post(client, path, {"ideas": ["fox", {"idea": "owl", "seed": 3}, "elk"]}, key[1])
    assert [r["slots"]["subject"][0]["text"] for r in three.json()["results"]] == [
        "fox",
        "owl",
        "elk",
    ]
    assert used() == 3


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "ideas"),
        ({"ideas": []}, "ideas"),
        ({"ideas": "fox"}, "ideas"),
        ({"ideas": ["fox"] * 21}, "ideas"),
        ({"ideas": ["fox", 7]}, "ideas[1]"),
        ({"ideas": ["fox", {"idea": ""}]}, "ideas[1].idea"),
    ],
)
def test_a_bad_batch_says_which_idea_is_wrong(
    client: Client, key: Key, data: dict[str, Any], field: str
) -> None:
    response = post(client, "/api/v1/optimize/batch", data, key[1])
    assert response.status_code == 400
    assert response.json()["error"]["field"] == field
    assert used() == 0


def test_variants_differ_in_exactly_one_slot(client: Client, key: Key) -> None:
    data = {"idea": "a red fox in snow", "slot": "lighting", "count": 3}
    response = post(client, "/api/v1/optimize/variants", data, key[1])
    results = response.json()["results"]
    assert len(results) == 3
    for slot in optimizer.SLOTS:
        kinds = {orjson.dumps([f["text"] for f in r["slots"][slot]]) for r in results}
        assert len(kinds) == (3 if slot == "lighting" else 1), slot
    assert used() == 3


@pytest.mark.parametrize(
    "change", [{"slot": "subject"}, {"slot": 7}, {"count": 1}, {"count": 9}, {"count": True}]
)
def test_bad_variants_cost_nothing(client: Client, key: Key, change: dict[str, Any]) -> None:
    data = {"idea": "fox", "slot": "mood", "count": 2, **change}
    assert post(client, "/api/v1/optimize/variants", data, key[1]).status_code == 400
    assert used() == 0


def test_a_call_makes_at_most_three_statements(client: Client, key: Key) -> None:
    post(client, "/optimize", {"idea": "warm up"}, key[1])
    with CaptureQueriesContext(connection) as queries:
        post(client, "/optimize", {"idea": "a new idea"}, key[1])
    assert len(queries) <= 3


def test_a_key_can_be_checked_without_cost(client: Client, key: Key) -> None:
    response = client.get("/auth/check", HTTP_AUTHORIZATION=f"Bearer {key[1]}")
    assert response.status_code == 200
    answer = response.json()
    assert (answer["valid"], answer["prefix"], answer["scopes"]) == (
        True,
        key[0].prefix,
        ["prompts"],
    )
    assert used() == 0
    ApiKey.objects.update(revoked_at=timezone.now())
    refused = client.get("/auth/check", HTTP_AUTHORIZATION=f"Bearer {key[1]}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_revoked")


def test_usage_says_what_is_left(client: Client, key: Key) -> None:
    post(client, "/optimize", {"idea": "fox"}, key[1])
    response = client.get("/usage", HTTP_AUTHORIZATION=f"Bearer {key[1]}")
    answer = response.json()
    assert (answer["daily_limit"], answer["used_today"], answer["remaining_today"]) == (5, 1, 4)
    assert response.headers["RateLimit-Remaining"] == "4"
    assert answer["resets_at"].endswith("00:00:00Z") or answer["resets_at"].endswith(
        "00:00:00+00:00"
    )


def test_the_result_cache_is_bounded_and_forgets_the_oldest(settings: Any) -> None:
    settings.OPTIMIZE_CACHE_SIZE = 2
    for idea in ("one", "two", "one", "three"):
        optimize.run(optimize.parse({"idea": idea}))
    kept = {request.idea for _, request in optimize.cache._results}
    assert kept == {"one", "three"}
    settings.OPTIMIZE_CACHE_SIZE = 0
    optimize.run(optimize.parse({"idea": "four"}))
    assert not optimize.cache._results


def test_a_cached_answer_is_charged_too(client: Client, key: Key) -> None:
    for _ in range(2):
        post(client, "/optimize", {"idea": "fox"}, key[1])
    assert used() == 2


@pytest.mark.parametrize("door", DOORS)
def test_optimising_takes_a_post_and_nothing_else(client: Client, key: Key, door: str) -> None:
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {key[1]}"}
    for method in ("get", "put", "patch", "delete"):
        response = getattr(client, method)(door, **bearer)
        assert response.status_code == 405, method
        assert response.json()["error"]["code"] == "method_not_allowed"
        assert response.headers["Allow"] == "POST, OPTIONS"
    assert client.head(door, **bearer).status_code == 405  # type: ignore[arg-type]
    assert used() == 0


def test_a_head_request_says_what_a_get_would_without_a_body(client: Client, key: Key) -> None:
    bearer = f"Bearer {key[1]}"
    told = client.head("/usage", HTTP_AUTHORIZATION=bearer)
    whole = client.get("/usage", HTTP_AUTHORIZATION=bearer)
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["RateLimit-Remaining"] == whole.headers["RateLimit-Remaining"] == "5"
    assert told.headers["Content-Type"] == "application/json"
    assert client.head("/usage").status_code == 401


def test_an_options_request_names_the_methods_and_costs_nothing(client: Client, key: Key) -> None:
    for path, methods in (("/optimize", "POST, OPTIONS"), ("/usage", "GET, HEAD, OPTIONS")):
        response = client.options(path, HTTP_AUTHORIZATION=f"Bearer {key[1]}")
        assert response.status_code == 200
        assert response.headers["Allow"] == methods
        assert response.json()["parses"] == ["application/json"]
    assert used() == 0


def test_what_the_manual_offers_to_try_works(client: Client, key: Key) -> None:
    paths = client.get("/api/schema/", {"format": "json"}).json()["paths"]
    tried = 0
    for path in (*DOORS, "/api/v1/optimize/batch", "/api/v1/optimize/variants"):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]
        ApiKey.objects.update(daily_limit=100)
        for example in body["examples"].values():
            assert post(client, path, example["value"], key[1]).status_code == 200, path
            assert "…" not in json.dumps(example["value"], ensure_ascii=False)
            tried += 1
    assert tried == 5
    page = client.get("/api/docs/").content.decode()
    assert "a fox asleep in a greenhouse, rain on the glass" in page


def test_a_large_result_is_not_kept_in_memory() -> None:
    huge = ",".join(f"x{n}" for n in range(700))
    optimize.run(optimize.parse({"idea": huge}))
    assert not optimize.cache._results
    wide = {"idea": "fox", "extra_tags": ["🦊" * 90 + str(n) for n in range(50)]}
    optimize.run(optimize.parse(wide))
    assert not optimize.cache._results
    optimize.run(optimize.parse({"idea": "a red fox in snow", "preset": "cinematic"}))
    assert len(optimize.cache._results) == 1
