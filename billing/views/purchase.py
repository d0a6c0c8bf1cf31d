"""One offer: what it costs here, and the way to the payment page."""

import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.flows import signup
from accounts.models import Account, ApiKey, User
from billing import gateways
from billing.errors import BillingError
from billing.flows import checkout, invoices, keyplans, tax
from billing.forms import COUNTRIES, BuyForm
from billing.models import Offer, Order
from billing.templatetags.money import money
from billing.views import access
from common.ratelimit import limit, visitor_of

BUYS_A_MINUTE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def buy_offer(request: HttpRequest, code: str) -> HttpResponse:
    """Show what one offer costs here; a POST makes the order and leads to the payment page."""
    offer = checkout.offer_named(code)
    accounts = _accounts(request)
    keys = _keys(request, offer)
    asked = request.POST if request.method == "POST" else None
    if asked is not None and "again" in asked:  # the button beside the country: only look
        form = BuyForm(initial=asked.dict(), offer=offer, accounts=accounts, keys=keys)
    else:
        initial = {"country": _country(request)}
        form = BuyForm(asked, initial=initial, offer=offer, accounts=accounts, keys=keys)
    if asked is not None:
        limit("buy", visitor_of(request), most=BUYS_A_MINUTE, seconds=60)
    sent = form.is_bound and form.is_valid()
    if sent:
        answer = _order(request, form)
        if answer is not None:
            return answer
    quote, trouble = _quote(form, _email(request, form, sent=sent))
    context = {
        "offer": offer,
        "form": form,
        "quote": quote,
        "seen": _seen(quote) if quote else "",
        "trouble": trouble,
        "account": form.chosen(),
        "can_pay": bool(gateways.configured()),
        "tax_later": settings.STRIPE_TAX,
    }
    return render(request, "billing/offer.html", context)


def _accounts(request: HttpRequest) -> list[Account]:
    """Return the accounts a signed-in person buys for, their own first; none for a guest."""
    user = access.user_of(request)
    if user is None:
        return []
    rows = list(Account.objects.manageable_by(user).order_by("pk"))
    rows.sort(key=lambda row: row.kind != Account.Kind.PERSONAL)
    return rows or [signup.personal_account(user)]


def _keys(request: HttpRequest, offer: Offer) -> list[ApiKey]:
    """Return the paid keys that this one-off may extend."""
    if offer.handler != "billing.key" or offer.recurring or offer.price is None:
        return []
    rows = keyplans.extendable(offer.price.entitlement).manageable_by(request.user)
    return list(rows.order_by("-pk")[:50])


def _country(request: HttpRequest) -> str:
    """Guess where the buyer is: what the address says, the browser's language, or the seller's."""
    asked = request.GET.get("country", "").upper()
    if asked in COUNTRIES:
        return asked
    for language in request.headers.get("Accept-Language", "")[:200].split(","):
        region = language.partition(";")[0].strip().rpartition("-")[2].upper()
        if "-" in language and region in COUNTRIES:
            return region
    return invoices.seller().country


def _email(request: HttpRequest, form: BuyForm, *, sent: bool) -> str:
    """Return who buys, as far as the price may depend on it.

    A guest is nobody until the form is sent: typing an address in must not tell what it had.
    """
    if user := access.user_of(request):
        return user.email
    return str(form.cleaned_data["email"]) if sent else ""


def _quote(form: BuyForm, email: str) -> tuple[tax.Quote | None, str]:
    """Return the quote for what the form says now, or why there is none."""
    try:
        return _price_for(form, str(form["country"].value() or ""), email), ""
    except BillingError as error:
        return None, error.message


def _price_for(form: BuyForm, country: str, email: str) -> tax.Quote:
    return checkout.quote(form.offer, account=form.chosen(), country=country, email=email)


def _seen(quote: tax.Quote) -> str:
    """Return what a buyer agrees to, in short."""
    return f"{quote.total}-{quote.tax}-{quote.price.currency}-{quote.trial_days}"


def _order(request: HttpRequest, form: BuyForm) -> HttpResponse | None:
    """Make the order and go to the payment page; None: the form says what is wrong."""
    try:
        email = _email(request, form, sent=True)
        quote = _price_for(form, form.cleaned_data["country"], email)
        if form.cleaned_data["seen"] != _seen(quote):
            form.add_error(None, _changed(quote))
            return None
        order = _place(request, form, quote)
        access.remember(request, order)
        return redirect(access.here(checkout.start(order)))
    except BillingError as error:
        if error.code == "not_payable":  # sent twice, and paid meanwhile
            return redirect("billing:order", order.uuid)
        form.add_error(None, error.message)
    return None


def _changed(quote: tax.Quote) -> str:
    total = money(quote.total, quote.price.currency)
    if quote.offer.trial_days and not quote.trial_days:
        return (
            "Free days can't be had for this order as it stands. "
            f"Without them it costs {total}. Look at it once more, then go on."
        )
    first = f", with {quote.trial_days} free days" if quote.trial_days else ""
    return f"The price is now {total}{first}. Look at it once more, then go on."


def _place(request: HttpRequest, form: BuyForm, quote: tax.Quote) -> Order:
    data, user = form.cleaned_data, access.user_of(request)
    account = form.chosen()
    email = user.email if user else data["email"]
    if account is None:
        account = signup.guest_account(email)
    target = data.get("target", "")
    # Another country, price or target on the same form is another order.
    what = hashlib.sha256(f"{data['country']}|{_seen(quote)}|{target}".encode()).hexdigest()
    return checkout.place(
        form.offer,
        account=account,
        author=user,
        buyer=_buyer(email, data["country"], user),
        idempotency_key=f"{data['ticket']}:{what[:16]}",
        target=target,
    )


def _buyer(email: str, country: str, user: User | None) -> dict[str, Any]:
    buyer = {"email": email, "country": country}
    return {**buyer, "name": user.name} if user and user.name else buyer
