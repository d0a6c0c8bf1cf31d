"""The staff door: the vocabulary. Every saved change is published as a version at once."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.models import User
from common.errors import UserError
from prompts.errors import PromptsError
from prompts.flows import optimize, vocabulary
from prompts.forms import SettingsField, SidesField, SlotsField, WordsField
from prompts.models import (
    ConflictSet,
    NegativeTerm,
    PlatformProfile,
    Preset,
    Suggestion,
    Term,
    VocabularyVersion,
)
from prompts.optimizer import PLATFORMS, check_settings
from prompts.optimizer.request import read_ratio

SAMPLE = "portrait of an old fisherman at golden hour, anime, photorealistic, warm tones"


def _author(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


class RecordAdmin(admin.ModelAdmin):
    """A table of the vocabulary: what is saved is published in the same transaction."""

    list_per_page = 100
    show_full_result_count = False
    actions: tuple[str, ...] = ("switch_on", "switch_off")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Undo a change that does not fit, and say why."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PromptsError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Wait for others who publish before the row is written."""
        vocabulary.hold()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Publish after the row was written."""
        super().save_related(request, form, formsets, change)
        self._publish(request, f"{'Changed' if change else 'Added'}: {form.instance}")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Publish after a row was deleted."""
        text = str(obj)
        vocabulary.hold()
        super().delete_model(request, obj)
        self._publish(request, f"Deleted: {text}")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Publish after rows were deleted."""
        try:
            with transaction.atomic():
                vocabulary.hold()
                super().delete_queryset(request, queryset)
                self._publish(request, "Deleted several rows")
        except PromptsError as error:
            messages.error(request, error.message)

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Let the optimiser use these rows."""
        self._switch(request, queryset, active=True)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Keep the optimiser from using these rows."""
        self._switch(request, queryset, active=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, active: bool) -> None:
        pks = list(queryset.values_list("pk", flat=True))
        try:
            with transaction.atomic():
                vocabulary.hold()
                self.model._default_manager.filter(pk__in=pks).update(active=active)
                self._publish(request, f"Switched {'on' if active else 'off'}: {len(pks)} rows")
        except PromptsError as error:
            messages.error(request, error.message)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Undo a deletion that leaves words that do not fit, and say why."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except PromptsError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(request.get_full_path())

    def _publish(self, request: HttpRequest, note: str) -> None:
        version = vocabulary.publish(author=_author(request), note=note[:200])
        messages.info(request, f"Published as vocabulary {version.name}.")


class TermForm(forms.ModelForm):
    """A term, its lists as text."""

    aliases = WordsField(help_text="Other spellings, separated by commas.")
    vague_aliases = WordsField(help_text="Aliases recognised only between commas.")
    tags = WordsField(help_text="What the word implies, such as film or bokeh.")
    negatives = WordsField(help_text="Unwanted words it brings along.")

    class Meta:
        model = Term
        fields = (
            "slot",
            "family",
            "text",
            "aliases",
            "prose",
            "vague_aliases",
            "tags",
            "negatives",
            "params",
            "position",
            "active",
        )


@admin.register(Term)
class TermAdmin(RecordAdmin):
    """Words with one place in a prompt."""

    form = TermForm
    list_display = ("text", "slot", "family", "position", "active")
    list_filter = ("slot", "active", "family")
    search_fields = ("text", "family", "aliases")


class ConflictForm(forms.ModelForm):
    """A conflict, its sides as lines."""

    sides = SidesField(help_text="One side per line; slot:family stands for a whole group.")
    unless = WordsField(help_text="No conflict when one of these words is there.")

    class Meta:
        model = ConflictSet
        fields = ("code", "title", "kind", "sides", "unless", "position", "active")


@admin.register(ConflictSet)
class ConflictSetAdmin(RecordAdmin):
    """Words that do not go together."""

    form = ConflictForm
    list_display = ("code", "title", "kind", "active")
    list_filter = ("kind", "active")
    search_fields = ("code", "title", "sides")


class PresetForm(forms.ModelForm):
    """A preset, its slots as lines."""

    slots = SlotsField(help_text="One slot per line, like: lighting: golden hour, rim light")

    class Meta:
        model = Preset
        fields = ("code", "title", "description", "slots", "aspect_ratio", "position", "active")

    def clean_aspect_ratio(self) -> str:
        """Take any usual writing, such as 16x9; say what is wrong with others."""
        written: str = self.cleaned_data["aspect_ratio"]
        ratio = read_ratio(written)
        if written and not ratio:
            raise forms.ValidationError("Write a ratio such as 16:9, between 1:4 and 4:1.")
        return ratio


@admin.register(Preset)
class PresetAdmin(RecordAdmin):
    """Ready choices."""

    form = PresetForm
    list_display = ("title", "code", "aspect_ratio", "position", "active")
    list_filter = ("active",)
    search_fields = ("title", "code", "description")


class NegativeForm(forms.ModelForm):
    """An unwanted word, its conditions as text."""

    when = WordsField(help_text="Only when the idea or style is about one of these; empty: always.")
    unless = WordsField(help_text="Not when it is about one of these.")

    class Meta:
        model = NegativeTerm
        fields = ("group", "text", "when", "unless", "positive", "position", "active")


@admin.register(NegativeTerm)
class NegativeTermAdmin(RecordAdmin):
    """Unwanted words."""

    form = NegativeForm
    list_display = ("text", "group", "positive", "position", "active")
    list_filter = ("group", "active")
    search_fields = ("text", "positive")


@admin.register(Suggestion)
class SuggestionAdmin(RecordAdmin):
    """Words added to an empty slot."""

    list_display = ("text", "slot", "when", "reason", "active")
    list_filter = ("slot", "active")
    search_fields = ("text", "when")


class ProfileForm(forms.ModelForm):
    """A profile, its settings checked beside the field."""

    platform = forms.ChoiceField(choices=[(name, name) for name in PLATFORMS])
    settings = SettingsField(help_text="Limits, flags and defaults of this version, as JSON.")

    class Meta:
        model = PlatformProfile
        fields = ("platform", "version", "title", "active", "position", "settings")

    def clean(self) -> dict[str, Any]:
        """Say what is missing or wrong in the settings."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "settings" in cleaned and "platform" in cleaned:
            try:
                check_settings(cleaned["platform"], cleaned["settings"])
            except ValueError as error:
                self.add_error("settings", str(error))
        return cleaned


@admin.register(PlatformProfile)
class PlatformProfileAdmin(RecordAdmin):
    """What a version of a platform accepts."""

    form = ProfileForm
    list_display = ("title", "platform", "version", "default", "active")
    list_filter = ("platform", "active")
    search_fields = ("title", "platform", "version")
    readonly_fields = ("default",)  # an action moves it, so that there is always exactly one
    actions = (*RecordAdmin.actions, "make_default")

    @admin.action(description="Use when nobody names a version", permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[PlatformProfile]) -> None:
        """Make one profile the default of its platform."""
        if queryset.count() != 1:
            messages.error(request, "Choose one profile.")
            return
        try:
            version = vocabulary.make_default(queryset.get(), author=_author(request))
        except PromptsError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"Published as vocabulary {version.name}.")


@admin.register(VocabularyVersion)
class VocabularyVersionAdmin(admin.ModelAdmin):
    """Published states; one of them can be made the current one again, and all can be tried."""

    list_display = ("name", "note", "author", "created_at")
    list_select_related = ("author",)
    search_fields = ("name", "note")
    fields = readonly_fields = ("name", "note", "author", "fingerprint", "created_at")
    actions = ("make_current",)
    show_full_result_count = False
    change_list_template = "admin/prompts/vocabularyversion/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[VocabularyVersion]:
        """Leave the data, 200 kB a row, out of lists."""
        return super().get_queryset(request).defer("data")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Versions are made by saving words."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Results name the version they were made with, so versions stay."""
        return False

    @admin.action(description="Make this version the current one", permissions=["change"])
    def make_current(self, request: HttpRequest, queryset: QuerySet[VocabularyVersion]) -> None:
        """Bring back the rows of one version."""
        if queryset.count() != 1:
            messages.error(request, "Choose one version.")
            return
        try:
            version = vocabulary.restore(queryset.get(), author=_author(request))
        except PromptsError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"The vocabulary is as it was; published as {version.name}.")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that tries the vocabulary on an idea."""
        view = self.admin_site.admin_view(self.preview)
        return [path("preview/", view, name="prompts_vocabulary_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Show what the current vocabulary makes of an idea, to those who work on it."""
        if not self.has_module_permission(request):
            raise PermissionDenied
        idea, result, problem = request.GET.get("idea", SAMPLE), None, ""
        try:
            result = optimize.run(optimize.parse({"idea": idea}))
        except UserError as error:
            problem = error.message
        context = {
            **self.admin_site.each_context(request),
            "title": "Try the vocabulary on an idea",
            "idea": idea,
            "result": result,
            "problem": problem,
            "back": reverse("admin:prompts_vocabularyversion_changelist"),
        }
        return TemplateResponse(request, "admin/prompts/preview.html", context)
