"""The brand table in memory: which brand a host or a product wears."""

from accounts.models import Brand
from common.refresh import Refreshed

SECONDS = 5.0


class BrandTable:
    """All brands, found by host, product or code."""

    def __init__(self) -> None:
        brands = list(Brand.objects.prefetch_related("hosts"))
        self.by_host = {row.host.lower(): brand for brand in brands for row in brand.hosts.all()}
        self.by_product = {brand.product: brand for brand in brands if brand.product}
        self.default = next((b for b in brands if b.is_default), brands[0] if brands else None)


table = Refreshed(lambda old: BrandTable(), lambda: SECONDS)
