"""Pages for people: their account, their keys, and the outbox page of development."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import mailbox
from accounts.flows import keys, signup
from accounts.forms import KeyForm
from accounts.models import ApiKey, User
from common.frames import framed

NEW_KEY = "new_api_key"  # session entry: the text of a key just made, shown once
FREE_DAILY_LIMIT = 50
MOST_KEYS = 20


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Show a person's account with its keys; a POST makes a key."""
    user = _user(request)
    account = signup.personal_account(user)
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if account.api_keys.live().count() >= MOST_KEYS:
            form.add_error("name", f"You have {MOST_KEYS} keys. Revoke one first.")
        else:
            _, text = keys.issue(
                account,
                name=form.cleaned_data["name"],
                author=user,
                email=user.email,
                daily_limit=FREE_DAILY_LIMIT,
            )
            request.session[NEW_KEY] = text
            return redirect("accounts:home")
    rows = ApiKey.objects.visible_to(user).select_related("account")
    context = {
        "account": account,
        "keys": rows,
        "form": form,
        "new_key": request.session.pop(NEW_KEY, ""),
        "email_verified": user.emailaddress_set.filter(verified=True).exists(),
    }
    response = render(request, "accounts/home.html", context, status=200)
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of the person's keys."""
    key = get_object_or_404(ApiKey.objects.visible_to(_user(request)), pk=pk)
    keys.revoke(key)
    messages.success(request, f"The key {key.name} is revoked. Programs that use it are refused now.")
    return redirect("accounts:home")


THEMES = ("auto", "dark", "light")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember which colours a visitor wants, in a cookie."""
    chosen = request.POST.get("theme", "auto")
    response = redirect(_safe_next(request))
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=365 * 24 * 3600, samesite="Lax", secure=settings.SECURE
        )
    return response


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "/")
    # Only a path of this site: "//host" and "/\host" leave it.
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if local else "/"


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
