"""A person's account page: who they are, their keys, and what each key used today."""

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import AccountsError
from accounts.flows import keys, signup
from accounts.models import ApiKey, User
from billing.flows import quotas
from billing.forms import KeyForm

NEW_KEY = "new_api_key"  # session entry: the text of a key just made, shown once


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required let them in
    return request.user


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show a person's account with its keys; a POST makes a key."""
    user = _user(request)
    own = signup.personal_account(user)
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _, text = keys.issue_free(own, name=form.cleaned_data["name"], author=user)
        except AccountsError as error:
            form.add_error("name", error.message)
        else:
            request.session[NEW_KEY] = text
            return redirect("billing:account")
    response = render(
        request,
        "accounts/home.html",
        {
            "account": own,
            "keys": quotas.with_use(ApiKey.objects.visible_to(user)),
            "form": form,
            "new_key": request.session.pop(NEW_KEY, ""),
            "email_verified": EmailAddress.objects.filter(user=user, verified=True).exists(),
        },
    )
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of the person's keys."""
    key = get_object_or_404(ApiKey.objects.visible_to(_user(request)), pk=pk)
    keys.revoke(key)
    messages.success(
        request, f"The key {key.name} is revoked. Programs that use it are refused now."
    )
    return redirect("billing:account")
