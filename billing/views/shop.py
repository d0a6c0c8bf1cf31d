"""The shop: what is for sale."""

from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Account, User
from billing import gateways
from billing.models import Offer, Price, Subscription

# Products in the order of the page: name, and what one gets.
PRODUCTS: Final = {
    "prompts": ("Prompt keys", "An API key with more prompts a day."),
    "writing": ("Writing", "Ku coins pay for texts and stories."),
    "campaigns": ("Campaigns", "Campaigns and their AI texts and pictures."),
}
GROUPS: Final = {
    (Offer.Kind.TOPUP, Price.Interval.NONE): "Top-ups",
    (Offer.Kind.ONE_OFF, Price.Interval.NONE): "Once",
    (Offer.Kind.SUBSCRIPTION, Price.Interval.MONTH): "Monthly",
    (Offer.Kind.TRIAL, Price.Interval.MONTH): "Monthly",
    (Offer.Kind.SUBSCRIPTION, Price.Interval.YEAR): "Yearly",
    (Offer.Kind.TRIAL, Price.Interval.YEAR): "Yearly",
}


@dataclass
class Card:
    """One offer on the page."""

    offer: Offer
    trial_days: int
    is_mine: bool  # this very plan runs
    is_closed: bool  # every account of the reader has a plan of its family


@dataclass
class Group:
    """Offers that are paid alike."""

    title: str
    cards: list[Card]


@dataclass
class Product:
    """What one area sells."""

    code: str
    title: str
    text: str
    groups: list[Group]


@require_safe
def buy(request: HttpRequest) -> HttpResponse:
    """Show everything that is for sale."""
    had = _subscriptions_of(request.user)
    products: dict[str, Product] = {}
    for offer in sorted(Offer.objects.published(), key=_place_of):
        if offer.price is None:
            continue
        title, text = PRODUCTS.get(offer.product, (offer.product.capitalize(), ""))
        product = products.setdefault(offer.product, Product(offer.product, title, text, []))
        heading = GROUPS.get((Offer.Kind(offer.kind), Price.Interval(offer.price.interval)), "")
        group = next((g for g in product.groups if g.title == heading), None)
        if group is None:
            group = Group(heading, [])
            product.groups.append(group)
        group.cards.append(_card(offer, had))
    context = {"products": list(products.values()), "can_pay": bool(gateways.configured())}
    return render(request, "billing/buy.html", context)


def _place_of(offer: Offer) -> tuple[int, str, int]:
    known = list(PRODUCTS)
    place = known.index(offer.product) if offer.product in known else len(known)
    return place, offer.product, offer.position


def _subscriptions_of(user: User | AnonymousUser) -> dict[int, list[Subscription]]:
    """Return the subscriptions, also past ones, of each account the reader buys for."""
    mine = Account.objects.manageable_by(user).values_list("pk", flat=True)
    had: dict[int, list[Subscription]] = {pk: [] for pk in mine} if user.is_authenticated else {}
    rows = Subscription.objects.exclude(state__in=("incomplete", "incomplete_expired"))
    for row in rows.filter(account__in=had) if had else ():
        had[row.account_id].append(row)
    return had


def _card(offer: Offer, had: dict[int, list[Subscription]]) -> Card:
    """A plan is for each account, so who runs two may buy it twice."""
    family = [[row for row in rows if row.family == offer.family] for rows in had.values()]
    if not offer.family or not family:
        return Card(offer, offer.trial_days, is_mine=False, is_closed=False)
    running = [[row for row in rows if row.runs] for rows in family]
    return Card(
        offer,
        0 if all(family) else offer.trial_days,
        is_mine=any(row.offer_id == offer.pk for rows in running for row in rows),
        is_closed=all(running),
    )
