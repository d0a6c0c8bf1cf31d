"""Pages for people: the colours they want, and the outbox page of development."""

from django.conf import settings
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts import mailbox
from common.frames import framed

THEMES = ("auto", "dark", "light")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember which colours a visitor wants, in a cookie."""
    chosen = request.POST.get("theme", "auto")
    response = HttpResponseRedirect(_safe_next(request))
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=365 * 24 * 3600, samesite="Lax", secure=settings.SECURE
        )
    return response


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "/")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else "/"


def _only_with_outbox() -> None:
    if not settings.OUTBOX_PAGE:
        raise Http404


@require_GET
def outbox(request: HttpRequest) -> HttpResponse:
    """Development only: the mails that were delivered to the local mailbox."""
    _only_with_outbox()
    return render(request, "accounts/outbox.html", {"mails": mailbox.delivered()})


def _mail_or_404(mail_id: str) -> mailbox.Delivered:
    _only_with_outbox()
    mail = mailbox.read(mail_id)
    if mail is None:
        raise Http404
    return mail


@require_GET
def outbox_mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Development only: one delivered mail."""
    return render(request, "accounts/outbox_mail.html", {"mail": _mail_or_404(mail_id)})


@require_GET
def outbox_body(request: HttpRequest, mail_id: str) -> HttpResponseBase:
    """Development only: the HTML of a delivered mail, for the frame around it."""
    response = HttpResponse(_mail_or_404(mail_id).html)
    return framed(response)
