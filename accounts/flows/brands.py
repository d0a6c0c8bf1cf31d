"""Brands: which name a page wears, and who its mails come from."""

from email.utils import formataddr, parseaddr
from urllib.parse import urlsplit

from django.conf import settings

from accounts.brands import table
from accounts.models import Brand

NAMELESS = Brand(code="atelier", name="Atelier", tagline="Five studios under one roof.")


def brand_for(host: str = "", product: str = "") -> Brand:
    """Return the brand of a host, else of a product, else the default one."""
    brands = table.get()
    return (
        brands.by_host.get(host.partition(":")[0].lower())
        or brands.by_product.get(product)
        or brands.default
        or NAMELESS
    )


def base_url(host: str = "") -> str:
    """Return the address links in mails start with: a brand's own host, else PUBLIC_BASE_URL.

    A host that is no brand's is never believed: it comes from the request.
    """
    name = host.partition(":")[0].lower()
    if name not in table.get().by_host:
        return str(settings.PUBLIC_BASE_URL)
    # The port is ours to say, not the request's.
    public = urlsplit(settings.PUBLIC_BASE_URL)
    port = f":{public.port}" if public.port else ""
    return f"{public.scheme}://{name}{port}"


def sender(brand: Brand | None) -> str:
    """Return the From of a brand's mails; what the brand leaves open comes from the settings."""
    default = str(settings.DEFAULT_FROM_EMAIL)
    if brand is None or not (brand.sender_name or brand.sender_email):
        return default
    usual_name, usual_address = parseaddr(default)
    name = brand.sender_name or (brand.name if brand.sender_email else usual_name)
    # A line break in a name would let it write headers of its own.
    return formataddr((" ".join(name.split()), brand.sender_email or usual_address))
