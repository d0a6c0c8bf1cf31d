"""Forms: the idea of a visitor, and lists of words for staff."""

from typing import Any

from django import forms

from prompts.flows import vocabulary
from prompts.models import Term
from prompts.optimizer import choices_of

OPEN = ("", "Let it choose")
RATIOS = ("1:1", "4:5", "3:4", "2:3", "9:16", "5:4", "4:3", "3:2", "16:10", "16:9", "2:1", "21:9")
PLACEHOLDERS = {
    "idea": "a lighthouse keeper’s kitchen at dawn, fog outside",
    "extra_tags": "film grain, dust in the air",
    "negative": "people, text",
}


def _error_texts(name: str, field: forms.Field) -> dict[str, str]:
    """Return what a field says when it can't use what was written, by Django's error codes."""
    if isinstance(field, forms.ChoiceField):
        return {"invalid_choice": "Choose one from the list."}
    if isinstance(field, forms.IntegerField):  # a FloatField is one too
        kind = "number" if isinstance(field, forms.FloatField) else "whole number"
        text = f"Write a {kind} from {field.min_value} to {field.max_value}."
        return dict.fromkeys(("invalid", "min_value", "max_value"), text)
    return {
        "max_length": "Use at most %(limit_value)d characters; these are %(show_value)d.",
        "null_characters_not_allowed": "There is a character in it that we can’t read.",
    }


class IdeaForm(forms.Form):
    """An idea and its options, with choices from the current vocabulary."""

    MOST = 4000

    idea = forms.CharField(
        label="Idea",
        max_length=MOST,
        error_messages={"required": "Write a few words about what you want to see."},
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    aspect_ratio = forms.ChoiceField(label="Aspect ratio", required=False)
    preset = forms.ChoiceField(label="Preset", required=False)
    style = forms.ChoiceField(label="Style", required=False)
    lighting = forms.ChoiceField(label="Lighting", required=False)
    composition = forms.ChoiceField(label="Composition", required=False)
    mood = forms.ChoiceField(label="Mood", required=False)
    color_grade = forms.ChoiceField(label="Color grade", required=False)
    motion = forms.ChoiceField(label="Camera move (video)", required=False)
    extra_tags = forms.CharField(label="Extra tags", required=False, max_length=1000)
    negative = forms.CharField(label="Leave out", required=False, max_length=1000)
    steps = forms.IntegerField(label="Steps", required=False, min_value=1, max_value=60)
    cfg = forms.FloatField(label="CFG scale", required=False, min_value=1, max_value=15)
    sampler = forms.ChoiceField(label="Sampler", required=False)
    scheduler = forms.ChoiceField(label="Scheduler", required=False)
    seed = forms.IntegerField(label="Seed", required=False, min_value=0, max_value=2**64 - 1)
    midjourney_version = forms.ChoiceField(label="Midjourney", required=False)
    pika_version = forms.ChoiceField(label="Pika", required=False)
    runway_version = forms.ChoiceField(label="Runway", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("aspect_ratio", [(ratio, ratio) for ratio in RATIOS])
        for name, choices in choices_of(vocabulary.current()).items():
            self._choose(name, choices)
        for name, field in self.fields.items():
            field.error_messages = {**field.error_messages, **_error_texts(name, field)}
        for name, text in PLACEHOLDERS.items():
            self.fields[name].widget.attrs["placeholder"] = text

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [OPEN, *choices]

    def as_input(self) -> dict[str, Any]:
        """Return what was filled in, in the shape that the API takes."""
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}


class WordsField(forms.CharField):
    """A list of words, edited as text with commas."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 2, "cols": 80}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show a list as text."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Return the list in the text."""
        text = super().to_python(value) or ""
        return [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, not their writing."""
        return bool((initial or []) != self.to_python(data))


class SettingsField(forms.JSONField):
    """Settings as JSON."""

    def prepare_value(self, value: Any) -> Any:
        """Show half of a character, which a page can't carry, as its escape."""
        shown = super().prepare_value(value)
        return shown.encode("utf-8", "backslashreplace").decode()


class SidesField(forms.CharField):
    """Sides of a conflict: one per line, words separated by commas."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 6, "cols": 80}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show the sides as lines."""
        return "\n".join(", ".join(side) for side in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Return the sides in the text."""
        lines = (super().to_python(value) or "").splitlines()
        sides = [[word.strip() for word in line.split(",") if word.strip()] for line in lines]
        return [side for side in sides if side]

    def validate(self, value: Any) -> None:
        """A conflict has at least two sides."""
        if len(value) < 2:
            raise forms.ValidationError("Write at least two sides, one per line.")

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, not their writing."""
        return bool((initial or []) != self.to_python(data))


class SlotsField(forms.CharField):
    """Slots of a preset: one per line, like `lighting: golden hour, rim light`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 8, "cols": 80}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show the slots as lines."""
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{slot}: {', '.join(words)}" for slot, words in value.items())

    def to_python(self, value: Any) -> Any:
        """Return the slots in the text. Raises ValidationError for a slot that does not exist."""
        slots: dict[str, list[str]] = {}
        for line in (super().to_python(value) or "").splitlines():
            if not line.strip():
                continue
            slot, colon, words = line.partition(":")
            if not colon or slot.strip() not in Term.Slot.values:
                raise forms.ValidationError(
                    f"“{line.strip()[:40]}” does not begin with a slot and a colon."
                )
            slots[slot.strip()] = [word.strip() for word in words.split(",") if word.strip()]
        return slots

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare slots, not their writing."""
        try:
            return bool((initial or {}) != self.to_python(data))
        except forms.ValidationError:
            return True
