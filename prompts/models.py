"""Tables of the vocabulary that staff edit. What the optimiser reads is a published version."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

WORDS_HELP = "Words or phrases, separated by commas."
CODE = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_-]*$", "Use letters, digits, - and _.")


class Record(models.Model):
    """A row of the vocabulary: `natural` names it, `fields` are what the optimiser gets."""

    natural: ClassVar[tuple[str, ...]]
    fields: ClassVar[tuple[str, ...]]

    position = models.PositiveIntegerField(default=1000, help_text="Lower comes first.")
    active = models.BooleanField(default=True, help_text="Switch off instead of deleting.")

    class Meta:
        abstract = True

    def as_record(self) -> dict[str, Any]:
        """Return the row in the shape that the optimiser reads."""
        return {name: getattr(self, name) for name in type(self).fields}


class Term(Record):
    """A word with one place in a prompt, a camera move, or a cue to what an idea is about."""

    class Slot(models.TextChoices):
        QUALITY = "quality", "Quality"
        SUBJECT = "subject", "Subject (a cue)"
        STYLE = "style", "Style"
        LIGHTING = "lighting", "Lighting"
        COMPOSITION = "composition", "Composition"
        MOOD = "mood", "Mood"
        COLOR_GRADE = "color_grade", "Color grade"
        EXTRA = "extra", "Extra"
        MOTION = "motion", "Camera move"

    natural = ("slot", "text")
    fields = (
        "slot",
        "family",
        "text",
        "aliases",
        "position",
        "active",
        "prose",
        "vague_aliases",
        "tags",
        "negatives",
        "params",
    )

    slot = models.CharField(max_length=20, choices=Slot.choices)
    family = models.CharField(
        max_length=40,
        help_text="A group within the slot; for a cue, what it speaks of: person, food.",
    )
    text = models.CharField(max_length=120)
    aliases = models.JSONField(default=list, blank=True, help_text=f"Other spellings. {WORDS_HELP}")
    prose = models.BooleanField(
        default=True,
        help_text="Recognise the word in the middle of a sentence, not only between commas.",
    )
    vague_aliases = models.JSONField(
        default=list, blank=True, help_text=f"Aliases recognised only between commas. {WORDS_HELP}"
    )
    tags = models.JSONField(
        default=list, blank=True, help_text=f"What the word implies. {WORDS_HELP}"
    )
    negatives = models.JSONField(
        default=list, blank=True, help_text=f"Unwanted words it brings along. {WORDS_HELP}"
    )
    params = models.JSONField(
        default=dict, blank=True, help_text="For camera moves: pika, sentence."
    )

    class Meta:
        ordering = ["slot", "position", "text"]
        constraints = [
            models.UniqueConstraint(fields=["slot", "text"], name="prompts_term_once"),
        ]

    def __str__(self) -> str:
        return f"{self.text} ({self.get_slot_display()})"


class ConflictSet(Record):
    """Sides that do not go together. The one the user named wins, then the earlier slot."""

    class Kind(models.TextChoices):
        HARD = "hard", "Hard: the loser goes"
        SOFT = "soft", "Soft: a hint"

    natural = ("code",)
    fields = ("code", "title", "kind", "sides", "unless", "active")

    code = models.CharField(max_length=20, unique=True, validators=[CODE])
    title = models.CharField(max_length=120, help_text="Shown to users as the reason.")
    kind = models.CharField(max_length=4, choices=Kind.choices, default=Kind.HARD)
    sides = models.JSONField(
        help_text="One side per line. Words with commas between; slot:family is a whole group."
    )
    unless = models.JSONField(
        default=list, blank=True, help_text=f"No conflict when one of these is there. {WORDS_HELP}"
    )

    class Meta:
        ordering = ["position", "code"]
        verbose_name = "conflict"

    def __str__(self) -> str:
        return f"{self.code}: {self.title}"


class Preset(Record):
    """A ready choice for every slot a person left open."""

    natural = ("code",)
    fields = ("code", "title", "description", "slots", "aspect_ratio", "position", "active")

    code = models.CharField(max_length=40, unique=True, validators=[CODE])
    title = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    slots = models.JSONField(help_text="One slot per line, like: lighting: golden hour, rim light")
    aspect_ratio = models.CharField(max_length=9, blank=True, help_text="Like 16:9. Empty: 1:1.")

    class Meta:
        ordering = ["position", "title"]

    def __str__(self) -> str:
        return self.title


class NegativeTerm(Record):
    """An unwanted word, and when it is one."""

    class Group(models.TextChoices):
        ANATOMY = "anatomy", "Anatomy and structure"
        ARTIFACTS = "artifacts", "Image quality"
        BRANDING = "branding", "Branding and text"
        STYLE = "style", "Style"
        VIDEO = "video", "Video"

    natural = ("group", "text")
    fields = ("group", "text", "position", "active", "when", "unless", "positive")

    group = models.CharField(max_length=10, choices=Group.choices)
    text = models.CharField(max_length=120)
    when = models.JSONField(
        default=list,
        blank=True,
        help_text=f"Only when it is about one of these; empty: always. {WORDS_HELP}",
    )
    unless = models.JSONField(
        default=list, blank=True, help_text=f"Not when it is about one of these. {WORDS_HELP}"
    )
    positive = models.CharField(
        max_length=120,
        blank=True,
        help_text="The same wish without a no, for tools without negatives.",
    )

    class Meta:
        ordering = ["group", "position", "text"]
        verbose_name = "negative word"
        constraints = [
            models.UniqueConstraint(fields=["group", "text"], name="prompts_negative_once"),
        ]

    def __str__(self) -> str:
        return self.text


class Suggestion(Record):
    """A word that is added when a slot is empty and the idea is about something."""

    natural = ("slot", "when", "text")
    fields = ("slot", "when", "text", "position", "active", "reason")

    slot = models.CharField(max_length=20, choices=Term.Slot.choices)
    when = models.CharField(
        max_length=40, help_text="What the idea is about (a cue's family or a tag), or default."
    )
    text = models.CharField(max_length=120, help_text="A word of the vocabulary, in the same slot.")
    reason = models.CharField(max_length=200, help_text="The sentence users read beside it.")

    class Meta:
        ordering = ["slot", "position", "text"]
        constraints = [
            models.UniqueConstraint(
                fields=["slot", "when", "text"], name="prompts_suggestion_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.text} for {self.when}"


class PlatformProfile(Record):
    """What one version of a platform accepts."""

    natural = ("platform", "version")
    fields = ("platform", "version", "default", "title", "active", "settings")

    platform = models.CharField(max_length=20)
    version = models.CharField(max_length=20)
    default = models.BooleanField(default=False, help_text="Taken when nobody names a version.")
    title = models.CharField(max_length=80)
    settings = models.JSONField(help_text="Limits, flags and defaults of this version, as JSON.")

    class Meta:
        ordering = ["platform", "position", "version"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "version"], name="prompts_profile_once"),
            models.UniqueConstraint(
                fields=["platform"],
                condition=models.Q(default=True),
                name="prompts_one_default_profile",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class VocabularyVersion(models.Model):
    """A published state of the vocabulary, whole. The newest one is what the optimiser reads."""

    name = models.CharField(max_length=40, unique=True)
    fingerprint = models.CharField(max_length=40)
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    starter = models.CharField(
        max_length=40, blank=True, help_text="The starter data that was loaded last before it."
    )
    data = models.JSONField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name
