"""Who may see an order: the members of its account, and the browser that made it."""

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import Account, User
from billing.models import Order

ORDERS = "orders"  # in the session: what this browser bought, for those who have no account
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
    known = [uuid for uuid in made_here(request) if uuid != str(order.uuid)]
    request.session[ORDERS] = [*known, str(order.uuid)][-MOST:]


def made_here(request: HttpRequest) -> list[str]:
    """Return the orders this browser made."""
    return list(request.session.get(ORDERS, ()))


def order_or_404(request: HttpRequest, uuid: UUID | str, *, staff: bool = False) -> Order:
    """Return an order that whoever asks may see; with `staff`, staff too. Raises Http404."""
    everything = str(uuid) in made_here(request) or (staff and _is_staff(request))
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
    return request.user.is_active and getattr(request.user, "is_staff", False)
