"""A claim link: it says what it brings; the button makes the key and shows it once."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from billing.errors import BillingError
from billing.flows import keyplans
from billing.views import access
from common.ratelimit import limit, visitor_of

TRIES_A_MINUTE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """Say what a link brings; only a POST takes it, for mail scanners open every link."""
    limit("claim", visitor_of(request), most=TRIES_A_MINUTE, seconds=60)
    context: dict[str, object] = {"token": token}
    status = 200
    try:
        plan = keyplans.find(token)
        context["plan"] = plan
        if request.method == "POST":
            context["key"], context["new_key"] = keyplans.claim(plan, user=access.user_of(request))
    except BillingError as error:
        context["error"], status = error.message, error.status
    response = render(request, "billing/claim.html", context, status=status)
    response["Cache-Control"] = "no-store"
    # The address is the secret, so no other site may learn it. Not `no-referrer`: with that,
    # browsers send the form with `Origin: null`, which the check against forgery refuses.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    return response
