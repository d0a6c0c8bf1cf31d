"""Brands: which name a page wears."""

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
