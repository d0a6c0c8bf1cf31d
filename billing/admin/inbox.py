"""Staff: events of the payment providers, as they came."""

import json
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from billing.admin.base import MoneyAdmin
from billing.admin.shown import at_provider, pretty
from billing.flows import inbox
from billing.models import InboxEvent
from common.jobs import JobState
from common.staff import Act, AttentionFilter

OLD = timedelta(hours=1)


class StuckEvents(AttentionFilter):
    """Events that failed, and those that wait longer than any should."""

    def narrow(self, queryset: Any) -> Any:
        """Return those."""
        waiting = Q(state__in=(JobState.QUEUED, JobState.RUNNING))
        late = waiting & Q(created_at__lt=timezone.now() - OLD)
        return queryset.filter(Q(state__in=(JobState.FAILED, JobState.UNSURE)) | late)


def _replay(row: InboxEvent, actor: Any, values: dict[str, Any]) -> str:
    inbox.replay(row, actor=actor, reason=values["reason"])
    return f"{row}: it is applied once more."


@admin.register(InboxEvent)
class InboxEventAdmin(MoneyAdmin):
    """Signed events, stored first and applied later."""

    list_display = ("type", "about", "state_shown", "outcome", "attempts", "gateway", "created_at")
    list_filter = (StuckEvents, "state", "gateway", "type")
    search_fields = ("event_id", "about", "type")
    date_hierarchy = "created_at"
    fields = (
        *("type", "provider", "about", "state_shown", "outcome", "error", "attempts"),
        *("run_after", "created_at", "finished_at", "mirrored_at", "body_shown"),
    )
    acts = (
        Act(
            "replay",
            "Apply once more…",
            _replay,
            explain="The provider is asked for what the event is about, and that is applied. What "
            "was done already is not done twice.",
            fits=lambda row: bool(row.body) and row.state not in ("queued", "running"),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave the bodies out of the list."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        in_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.defer("body") if in_list else rows

    @admin.display(description="Event")
    def provider(self, row: InboxEvent) -> SafeString | str:
        """Link to the provider's page."""
        return at_provider(row.gateway, "event", row.event_id)

    @admin.display(description="As received")
    def body_shown(self, row: InboxEvent) -> SafeString | str:
        """Return the JSON for reading, without what opens a door."""
        if not row.body:
            return "Emptied after 90 days."
        try:
            return pretty(json.loads(row.body))
        except ValueError:
            return row.body
