"""A person's account page: who they are, their keys, and what each key used today."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import AccountsError
from accounts.flows import keys, signup
from accounts.models import Account, ApiKey, User
from billing.flows import quotas
from billing.forms import KeyForm

TICKET_SECONDS = 24 * 3600  # how long a form that was sent is remembered
SENT_TWICE = "That key is made already. If you did not copy it, revoke it and make a new one."


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required let them in
    return request.user


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show a person's account with its keys; a POST makes a key and shows it in its own answer."""
    user = _user(request)
    own = signup.personal_account(user)
    form = KeyForm(request.POST if request.method == "POST" else None)
    new_key = ""
    if request.method == "POST" and form.is_valid():
        used = f"key-form:{user.pk}:{form.cleaned_data['ticket']}"
        if not cache.add(used, 1, TICKET_SECONDS):
            messages.info(request, SENT_TWICE)
            return redirect("billing:account")
        try:
            _, new_key = keys.issue_free(own, name=form.cleaned_data["name"], author=user)
            form = KeyForm()
        except AccountsError as error:
            cache.delete(used)
            form.add_error("name", error.message)
    context = {
        "account": own,
        "keys": quotas.with_use(ApiKey.objects.visible_to(user)),
        "managed": set(Account.objects.manageable_by(user).values_list("pk", flat=True)),
        "form": form,
        "new_key": new_key,
        "email_verified": signup.has_proven(user),
    }
    response = render(request, "accounts/home.html", context)
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a key of an account that the person runs."""
    key = get_object_or_404(ApiKey.objects.manageable_by(_user(request)), pk=pk)
    keys.revoke(key)
    messages.success(
        request, f"The key {key.name} is revoked. Programs that use it are refused now."
    )
    return redirect("billing:account")
