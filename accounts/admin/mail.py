"""Staff: every mail, rendered, with its tries; resend one, retry all that failed."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.errors import AccountsError
from accounts.flows import mail as mail_flow
from accounts.models import MailAttempt, OutgoingMail
from common.frames import framed
from common.jobs import JobState


class AttentionFilter(admin.SimpleListFilter):
    """Mails a person should look at."""

    title = "needs attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("yes", "Failed or unsure")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Narrow the list."""
        return queryset.needing_attention() if self.value() == "yes" else queryset


class AttemptInline(admin.TabularInline):
    """The tries of a mail."""

    model = MailAttempt
    extra = 0
    can_delete = False
    readonly_fields = ("number", "at", "outcome", "error")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tries are written by the worker."""
        return False


@admin.register(OutgoingMail)
class OutgoingMailAdmin(admin.ModelAdmin):
    """The mail outbox."""

    list_display = (
        "subject",
        "to_email",
        "template",
        "state",
        "tries_so_far",
        "run_after",
        "created_at",
    )
    list_filter = (AttentionFilter, "state", "template")
    search_fields = ("to_email", "subject")
    actions = ("resend_selected",)
    change_list_template = "admin/accounts/outgoingmail/change_list.html"
    inlines = (AttemptInline,)
    date_hierarchy = "created_at"
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "subject",
        "to_email",
        "account",
        "template",
        "state",
        "error",
        "tries_so_far",
        "run_after",
        "created_at",
        "finished_at",
        "message_id",
        "preview",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Mails are written by the flows; staff look and resend."""
        return self.fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Mails come from flows only."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingMail]:
        """Count the tries in the same query; leave the bodies out of the list."""
        rows: QuerySet[OutgoingMail] = super().get_queryset(request)
        rows = rows.annotate(try_count=Count("tries"))
        return rows.select_related("account").defer("sealed")

    @admin.display(description="Tries", ordering="try_count")
    def tries_so_far(self, mail: OutgoingMail) -> int:
        """Return how often the mail was tried."""
        return int(getattr(mail, "try_count", 0))

    @admin.display(description="Rendered")
    def preview(self, mail: OutgoingMail) -> SafeString | str:
        """Show the mail as its reader saw it, in a frame that runs nothing."""
        if mail.carries_secret:
            return "This mail carries a link that signs somebody in, so it is never shown."
        return format_html(
            '<iframe class="mail-preview" title="The mail as it was sent" src="{}"></iframe>',
            reverse("admin:accounts_outgoingmail_body", args=[mail.pk]),
        )

    class Media:
        css = {"all": ("css/admin/mail.css",)}

    def get_urls(self) -> list[URLPattern]:
        """Add the body of a mail, resend and retry-all."""
        wrap = self.admin_site.admin_view
        own = [
            path("retry-failed/", wrap(self.retry_failed), name="accounts_outgoingmail_retry"),
            path("<int:pk>/body/", wrap(self.body), name="accounts_outgoingmail_body"),
            path("<int:pk>/resend/", wrap(self.resend), name="accounts_outgoingmail_resend"),
        ]
        return own + super().get_urls()

    def body(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer the HTML (else the text) of a mail without a secret."""
        mail = self.get_object(request, str(pk))
        if mail is None or mail.carries_secret or not self.has_view_permission(request, mail):
            raise Http404
        content = mail.get_content()
        html = content.get("html") or format_html("<pre>{}</pre>", content.get("text", ""))
        return framed(HttpResponse(html))

    def resend(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one mail again (POST)."""
        mail = self.get_object(request, str(pk))
        if (
            mail is None
            or request.method != "POST"
            or not self.has_change_permission(request, mail)
        ):
            raise Http404
        self._resend(request, mail)
        return HttpResponseRedirect(reverse("admin:accounts_outgoingmail_change", args=[pk]))

    def retry_failed(self, request: HttpRequest) -> HttpResponse:
        """Queue every failed mail again (POST)."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise Http404
        count = mail_flow.retry_all()
        messages.success(request, f"{count} failed mails are on their way again.")
        return HttpResponseRedirect(reverse("admin:accounts_outgoingmail_changelist"))

    @admin.action(description="Send the selected mails again", permissions=["change"])
    def resend_selected(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        """Send the selected mails again, each with its own answer."""
        for mail in queryset:
            self._resend(request, mail)

    def _resend(self, request: HttpRequest, mail: OutgoingMail) -> None:
        try:
            mail_flow.resend(mail)
        except AccountsError as error:
            messages.error(request, f"{mail}: {error.message}")
        else:
            what = "a new mail with a new link" if mail.carries_secret else "the mail"
            messages.success(request, f"{mail}: {what} is on its way.")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Tell the page how many mails failed, for the retry button."""
        failed = 0
        if self.has_change_permission(request):
            failed = OutgoingMail.objects.filter(state=JobState.FAILED).count()
        return super().changelist_view(request, {"failed_mails": failed, **(extra_context or {})})
