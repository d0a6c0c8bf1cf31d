"""Who may see an order: the members of its account, and the browser that made it."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from accounts.models import Account, User
from billing.models import Order

ORDERS = "orders"  # in the session: what this browser bought, for those who have no account
SEEN = "orders_seen"  # and what it was shown by a link in a mail, to look at only
MOST = 50
PARTS = (
    "offer",
    "price",
    "account__wallet",
    "subscription__offer",
    "subscription__price",
    "key_plan",
)


def remember(request: HttpRequest, order: Order) -> None:
    """Let this browser see an order later, also without signing in."""
    request.session[ORDERS] = _with(made_here(request), order)


def _with(known: Iterable[str], order: Order) -> list[str]:
    others = [uuid for uuid in known if uuid != str(order.uuid)]
    return [*others, str(order.uuid)][-MOST:]


def made_here(request: HttpRequest) -> list[str]:
    """Return the orders this browser made."""
    return list(request.session.get(ORDERS, ()))


def come_in(request: HttpRequest, uuid: UUID | str) -> HttpResponse | None:
    """Let in whoever comes by a link of ours, and lead on to the address without its key.

    None: no such link, or a key that is wrong.
    """
    key = request.GET.get("key", "")
    order = Order.objects.filter(uuid=uuid).first() if key and request.method != "POST" else None
    may = order.opened_by(key) if order is not None else ""
    if order is None or not may:
        return None
    if may == "act":
        remember(request, order)
    else:
        request.session[SEEN] = _with(request.session.get(SEEN, ()), order)
    query = request.GET.copy()
    del query["key"]
    return redirect(f"{request.path}?{query.urlencode()}" if query else request.path)


def shown_here(request: HttpRequest) -> list[str]:
    """Return the orders this browser may look at: it made them, or followed a link in a mail."""
    return [*made_here(request), *request.session.get(SEEN, ())]


def order_or_404(request: HttpRequest, uuid: UUID | str, *, staff: bool = False) -> Order:
    """Return an order that whoever asks may see; with `staff`, staff too. Raises Http404."""
    everything = str(uuid) in shown_here(request) or (staff and _is_staff(request))
    rows = Order.objects if everything else Order.objects.visible_to(request.user)
    order: Order = get_object_or_404(rows.select_related(*PARTS), uuid=uuid)
    return order


def may_act(request: HttpRequest, order: Order) -> bool:
    """Whether who asks may pay an order, give it up, or take what it brought."""
    if str(order.uuid) in made_here(request):
        return True
    return Account.objects.manageable_by(request.user).filter(pk=order.account_id).exists()


def acting_or_404(request: HttpRequest, order: Order, *, staff: bool = False) -> None:
    """Raises Http404 for those who may look but not touch."""
    if not ((staff and _is_staff(request)) or may_act(request, order)):
        raise Http404


def user_of(request: HttpRequest) -> User | None:
    """Return who is signed in."""
    return request.user if isinstance(request.user, User) else None


def here(url: str) -> str:
    """Return an address of our own without its host: the reader may know us by another name."""
    base = settings.PUBLIC_BASE_URL
    return url.removeprefix(base) if base and url.startswith(f"{base}/") else url


def _is_staff(request: HttpRequest) -> bool:
    user = user_of(request)
    return user is not None and user.is_staff and user.has_perm("billing.view_order")
