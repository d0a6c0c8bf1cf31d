"""Brands: which name a page wears."""

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
    name = host.lower()
    if name.partition(":")[0] in table.get().by_host:
        scheme = settings.PUBLIC_BASE_URL.partition("://")[0]
        return f"{scheme}://{name}"
    return str(settings.PUBLIC_BASE_URL)
