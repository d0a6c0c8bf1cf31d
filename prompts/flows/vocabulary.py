"""Vocabulary: staff edit rows, a publication freezes them, the optimiser reads the newest one."""

from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from accounts.models import User
from common.refresh import Refreshed
from prompts.errors import PromptsError
from prompts.models import (
    ConflictSet,
    NegativeTerm,
    PlatformProfile,
    Preset,
    Record,
    Suggestion,
    Term,
    VocabularyVersion,
)
from prompts.optimizer import Vocabulary, starter_data, try_out
from prompts.optimizer.vocabulary import fingerprint

log = structlog.get_logger(__name__)

LOCK = 7_105_820  # names, within the database, the lock of those who publish
# The key of the optimiser's data, and the table that holds it.
TABLES: dict[str, type[Record]] = {
    "terms": Term,
    "conflicts": ConflictSet,
    "presets": Preset,
    "negatives": NegativeTerm,
    "suggestions": Suggestion,
    "platforms": PlatformProfile,
}


def _load(kept: Vocabulary | None) -> Vocabulary:
    """Return the newest published vocabulary; the kept one if nothing newer was published.

    A version that can't be read, which only another release or a hand in the database can leave,
    stops nobody who has one already.
    """
    newest = VocabularyVersion.objects.values_list("pk", "name").first()
    if newest is None:
        raise PromptsError(
            "no_vocabulary", "The vocabulary is not loaded yet. Run `manage.py seed`.", status=503
        )
    if kept is not None and kept.version == newest[1]:
        return kept
    version = VocabularyVersion.objects.get(pk=newest[0])
    try:
        words = Vocabulary.from_data({**version.data, "version": version.name})
    except (KeyError, ValueError, TypeError, AttributeError):
        if kept is None:
            raise
        log.exception("vocabulary_unreadable", version=version.name)
        return kept
    log.info("vocabulary_loaded", version=version.name)
    return words


store: Refreshed[Vocabulary] = Refreshed(_load, lambda: settings.VOCABULARY_REFRESH_SECONDS)


def current() -> Vocabulary:
    """Return the vocabulary to work with, at most VOCABULARY_REFRESH_SECONDS old."""
    return store.get()


def collect() -> dict[str, Any]:
    """Return all rows in the shape that the optimiser reads."""
    return {
        key: [row.as_record() for row in model._default_manager.order_by("position", "pk")]
        for key, model in TABLES.items()
    }


def hold() -> None:
    """Let nobody else change or publish words until this transaction ends.

    Two who publish at once would each freeze the rows without the other's change. Take it before
    the rows are touched, so that all take their locks in one order. SQLite needs nothing: its
    transactions begin IMMEDIATE, one writer after the other.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


@transaction.atomic
def publish(*, author: User | None = None, note: str = "", starter: str = "") -> VocabularyVersion:
    """Freeze the rows as a new version; return the newest one when nothing changed.

    Call it in the transaction that changed the rows: rows that do not fit together, or that the
    optimiser cannot work with, raise PromptsError, and the change is undone with it.
    """
    hold()
    data = collect()
    mark = fingerprint(data)
    newest = VocabularyVersion.objects.defer("data").first()
    if newest is not None and newest.fingerprint == mark:
        return newest
    _check(data)
    number = newest.pk + 1 if newest else 1
    version = VocabularyVersion.objects.create(
        name=f"{number}-{mark[:8]}",
        fingerprint=mark,
        note=note,
        author=author,
        starter=starter or (newest.starter if newest else ""),
        data=data,
    )
    transaction.on_commit(store.clear)
    return version


def _check(data: dict[str, Any]) -> None:
    """Build and try the vocabulary as every page will. Raises PromptsError, whatever is wrong."""
    try:
        try_out(Vocabulary.from_data(data))
    except Exception as error:
        log.warning("vocabulary_broken", exc_info=True)
        raise PromptsError(
            "vocabulary_broken", f"These words do not fit together: {error}"
        ) from None


def load_starter() -> list[str]:
    """Add starter rows that are missing, once per state of the data files; publish the result.

    Rows that staff changed or switched off stay as they are. Returns a line for what was made.
    """
    data = starter_data()
    mark = fingerprint(data)
    newest = VocabularyVersion.objects.defer("data").first()
    if newest is not None and newest.starter == mark:
        return []
    with transaction.atomic():
        hold()
        added = sum(_add_missing(model, data[key]) for key, model in TABLES.items())
        version = publish(note="Starter data", starter=mark)
        VocabularyVersion.objects.filter(pk=version.pk).update(starter=mark)
    return [f"vocabulary {version.name}: {added} rows"]


def _add_missing(model: type[Record], records: list[dict[str, Any]]) -> int:
    known = set(model._default_manager.values_list(*model.natural))
    missing = [
        model(**{name: record[name] for name in model.fields if name in record})
        for record in records
        if tuple(record[name] for name in model.natural) not in known
    ]
    model._default_manager.bulk_create(missing, batch_size=200)
    return len(missing)


def restore(version: VocabularyVersion, *, author: User | None = None) -> VocabularyVersion:
    """Make an earlier version the current one: its rows come back, as a new version.

    Raises PromptsError when the optimiser no longer works with it; then nothing changes.
    """
    with transaction.atomic():
        hold()
        for key, model in TABLES.items():
            model._default_manager.all().delete()
            _add_missing(model, version.data[key])
        return publish(author=author, note=f"Back to {version.name}")


def make_default(profile: PlatformProfile, *, author: User | None = None) -> VocabularyVersion:
    """Take this profile where nobody names a version of its platform. Raises PromptsError."""
    with transaction.atomic():
        hold()
        profiles = PlatformProfile.objects.filter(platform=profile.platform)
        profiles.exclude(pk=profile.pk).update(default=False)
        profiles.filter(pk=profile.pk).update(default=True)
        return publish(author=author, note=f"Default: {profile.title}")
