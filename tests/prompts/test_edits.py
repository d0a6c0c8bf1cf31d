"""Edits of staff: whatever they save, visitors still get their pages."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.flows import starter
from accounts.models import User
from prompts.errors import PromptsError
from prompts.flows import optimize, vocabulary
from prompts.models import PlatformProfile, Preset, Term, VocabularyVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]
PREVIEW = "/admin/prompts/vocabularyversion/preview/"


def save(client: Client, row: PlatformProfile, **change: Any) -> str:
    """Post the form of a profile as the page sends it; return the page that follows."""
    data = {
        "platform": row.platform,
        "version": row.version,
        "title": row.title,
        "position": row.position,
        "active": "on",
        "settings": json.dumps(row.settings),
        **change,
    }
    sent = {name: value for name, value in data.items() if value is not None}
    address = f"/admin/prompts/platformprofile/{row.pk}/change/"
    page = client.post(address, sent, follow=True)
    assert page.status_code == 200
    return page.content.decode()


def everything_works(client: Client) -> None:
    """Other processes have forgotten the vocabulary; all doors answer."""
    vocabulary.store.clear()
    optimize.cache.clear()
    assert Client().get("/").status_code == 200
    assert Client().post("/", {"idea": "a red fox"}).status_code == 200
    assert client.get(PREVIEW).status_code == 200


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": '{"a": 1}', "active": None}, "is missing"),
        ({"settings": "{}"}, "This field is required"),
        ({"settings": "[]"}, "This field is required"),
        ({"settings": '"x"'}, "must be a JSON object"),
        ({"settings": "3"}, "must be a JSON object"),
        ({"settings": '{"checkpoint": "\\ud800"}'}, "JSON can’t carry"),
        ({"settings": '{"checkpoint": "\\u0000"}'}, "JSON can’t carry"),
        ({"settings": '{"more": NaN}'}, "JSON can’t carry"),
        ({"settings": "{"}, "Enter a valid JSON"),
        ({"active": None}, "sdxl needs a profile"),
        ({"platform": "pika"}, "is missing"),
        ({"platform": "dall-e"}, "Select a valid choice"),
    ],
)
def test_a_wrong_profile_is_refused_with_a_reason(
    staff_client: Client, change: dict[str, Any], told: str
) -> None:
    before = vocabulary.collect()
    row = PlatformProfile.objects.get(platform="sdxl")
    assert told in save(staff_client, row, **change)
    assert vocabulary.collect() == before
    everything_works(staff_client)


@pytest.mark.parametrize("platform", ["sdxl", "comfyui", "midjourney", "pika", "runway"])
def test_every_key_of_the_settings_is_needed(staff_client: Client, platform: str) -> None:
    row = PlatformProfile.objects.get(platform=platform, default=True)
    versions = VocabularyVersion.objects.count()
    for key in row.settings:
        rest = {name: value for name, value in row.settings.items() if name != key}
        assert "is missing" in save(staff_client, row, settings=json.dumps(rest)), key
    assert VocabularyVersion.objects.count() == versions


def test_what_was_typed_wrong_stays_in_the_form(staff_client: Client) -> None:
    row = PlatformProfile.objects.get(platform="comfyui")
    page = save(staff_client, row, settings='{"checkpoint": "mine.safetensors"}')
    assert "mine.safetensors" in page


def test_a_good_edit_of_a_profile_is_used(staff_client: Client) -> None:
    row = PlatformProfile.objects.get(platform="sdxl")
    page = save(staff_client, row, settings=json.dumps({**row.settings, "steps": 41}))
    assert "Published as vocabulary" in page
    everything_works(staff_client)
    made = optimize.run(optimize.parse({"idea": "a red fox"}))
    assert made["platforms"]["sdxl"]["steps"] == 41


def test_the_default_of_a_platform_moves_in_one_step(staff_client: Client) -> None:
    seven = PlatformProfile.objects.get(platform="midjourney", version="7")
    data = {"action": "make_default", "_selected_action": [seven.pk]}
    staff_client.post("/admin/prompts/platformprofile/", data)
    everything_works(staff_client)
    made = optimize.run(optimize.parse({"idea": "a red fox"}))
    assert made["platforms"]["midjourney"]["version"] == "7"
    defaults = PlatformProfile.objects.filter(platform="midjourney", default=True)
    assert [row.version for row in defaults] == ["7"]


def test_a_profile_that_is_off_cannot_become_the_default(staff_client: Client) -> None:
    PlatformProfile.objects.filter(platform="midjourney", version="7").update(active=False)
    seven = PlatformProfile.objects.get(platform="midjourney", version="7")
    data = {"action": "make_default", "_selected_action": [seven.pk]}
    page = staff_client.post("/admin/prompts/platformprofile/", data, follow=True)
    assert "midjourney needs a profile that is switched on" in page.content.decode()
    assert PlatformProfile.objects.get(platform="midjourney", default=True).version == "6"


def test_switching_the_last_profile_off_is_refused(staff_client: Client) -> None:
    pks = list(PlatformProfile.objects.filter(platform="pika").values_list("pk", flat=True))
    data = {"action": "switch_off", "_selected_action": pks}
    page = staff_client.post("/admin/prompts/platformprofile/", data, follow=True)
    assert "pika needs a profile" in page.content.decode()
    everything_works(staff_client)


@pytest.mark.parametrize(
    ("written", "kept"), [("16x9", "16:9"), ("", ""), ("9:1", None), ("wide", None)]
)
def test_the_aspect_ratio_of_a_preset_is_read_or_refused(
    staff_client: Client, written: str, kept: str | None
) -> None:
    preset = Preset.objects.get(code="cinematic")
    data = {
        "code": preset.code,
        "title": preset.title,
        "description": "",
        "slots": "style: cinematic",
        "aspect_ratio": written,
        "position": 1,
        "active": "on",
    }
    address = f"/admin/prompts/preset/{preset.pk}/change/"
    page = staff_client.post(address, data, follow=True).content.decode()
    assert ("Write a ratio such as 16:9" in page) == (kept is None)
    preset.refresh_from_db()
    assert preset.aspect_ratio == ("21:9" if kept is None else kept)
    everything_works(staff_client)


@pytest.mark.parametrize("slots", [[], "x", 3, {"style": 7}, {"sound": ["loud"]}])
def test_a_preset_of_another_shape_is_refused(slots: Any) -> None:
    Preset.objects.filter(code="cinematic").update(slots=slots)
    with pytest.raises(PromptsError, match="Cinematic"):
        vocabulary.publish()


@pytest.mark.parametrize(
    "error", [AttributeError, RecursionError, AssertionError, ZeroDivisionError]
)
def test_whatever_goes_wrong_in_the_trial_is_a_reason_for_staff(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(words: object) -> None:
        raise error("a surprise")

    monkeypatch.setattr(vocabulary, "try_out", broken)
    Term.objects.filter(text="golden hour").update(active=False)
    with pytest.raises(PromptsError, match="a surprise"):
        vocabulary.publish()


def test_an_earlier_version_that_no_longer_works_is_not_brought_back(staff_client: Client) -> None:
    good = VocabularyVersion.objects.first()
    assert good is not None
    broken = {**good.data, "platforms": []}
    old = VocabularyVersion.objects.create(name="0-old", fingerprint="x", data=broken)
    VocabularyVersion.objects.create(name="9-new", fingerprint="y", data=good.data)
    data = {"action": "make_current", "_selected_action": [old.pk]}
    page = staff_client.post("/admin/prompts/vocabularyversion/", data, follow=True)
    assert "sdxl needs a profile" in page.content.decode()
    assert PlatformProfile.objects.count() == len(good.data["platforms"])
    everything_works(staff_client)


def member(role: str) -> Client:
    """Return the browser of someone with one staff role."""
    starter.seed()
    user = User.objects.create_user(f"{role}@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_marketing_can_try_the_vocabulary() -> None:
    client = member("marketing")
    assert "golden hour" in client.get(PREVIEW).content.decode()
    assert PREVIEW in client.get("/admin/prompts/term/").content.decode()


@pytest.mark.parametrize("role", ["print", "support"])
def test_staff_who_have_nothing_to_do_with_words_cannot_try_them(role: str) -> None:
    client = member(role)
    assert client.get("/admin/").status_code == 200
    assert client.get(PREVIEW).status_code == 403
