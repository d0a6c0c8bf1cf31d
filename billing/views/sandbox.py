"""The page of the test payments: it plays what a bank or a provider could do. No money moves."""

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from billing.errors import BillingError
from billing.flows import sandbox
from billing.models import SandboxObject
from billing.views import access

# What each button says, and what it plays.
ACTS: Final = {
    "pay": ("Pay", "The card is charged at once."),
    "decline": ("Decline", "The bank says no. The buyer may try again."),
    "pay_later": ("Pay later", "A bank transfer begins; the money comes in some days, or never."),
    "expire": ("Let it expire", "The buyer walks away and the page closes."),
    "arrive": ("The money arrives", "The transfer that was on its way is here."),
    "bounce": ("The transfer fails", "The bank sends it back."),
    "refund": ("Refund", "All that is left of the last payment goes back."),
    "dispute": ("Dispute", "The buyer tells their bank that this was not them."),
    "lose_dispute": ("Lose the dispute", "The bank takes the money back for good."),
    "win_dispute": ("Win the dispute", "The money stays here."),
    "renew": ("Renew", "The next period begins and is paid."),
    "fail_renewal": ("Fail the renewal", "The next period begins, and the card is declined."),
    "cancel": ("Cancel", "The subscription ends now."),
}
TO_SUCCESS = ("pay", "pay_later")
TO_CANCEL = ("decline", "expire")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def test_payment(request: HttpRequest, ref: str) -> HttpResponse:
    """Show a test payment with all that can happen to it now; a POST makes it happen."""
    row = sandbox.checkout_page(ref)
    uuid = str(row.data.get("order_uuid", ""))
    if (coming := access.come_in(request, uuid)) is not None:
        return coming
    order = access.order_or_404(request, uuid, staff=True)
    access.acting_or_404(request, order, staff=True)
    if request.method == "POST":
        return _play(request, row)
    acts = [
        {"code": code, "name": ACTS[code][0], "text": ACTS[code][1], "first": code == "pay"}
        for code in sandbox.acts_for(row)
        if not (code == "pay_later" and row.data["mode"] == "subscription")
    ]
    context = {"checkout": row, "data": row.data, "order": order, "acts": acts}
    return render(request, "billing/test_payment.html", context)


def _play(request: HttpRequest, row: SandboxObject) -> HttpResponse:
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Http404
    try:
        sandbox.play(row.ref, act)
    except BillingError as error:
        messages.error(request, error.message)
        return redirect("billing:test-payment", row.ref)
    if act in TO_SUCCESS:
        return redirect(access.here(row.data["success_url"]))
    if act in TO_CANCEL:
        return redirect(access.here(row.data["cancel_url"]))
    messages.success(request, f"Done: {ACTS[act][0].lower()}.")
    return redirect("billing:test-payment", row.ref)
