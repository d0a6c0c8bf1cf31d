"""Products, prices and customers in the fake."""

import re

import stripe

from tests.fakes.stripe.books import ApiError, Books
from tests.fakes.stripe.hints import Data
from tests.fakes.stripe.shapes import blank


def refuse(message: str, param: str, code: str = "parameter_invalid") -> ApiError:
    """Return an answer of 400 about one parameter."""
    return ApiError(message, param=param, code=code)


class Catalogue(Books):
    """What is sold, and to whom."""

    def create_customer(self, params: Data) -> Data:
        """Make a customer."""
        made = self.put(
            stripe.Customer,
            "cus",
            **{"metadata": {}, "balance": 0, "delinquent": False, "tax_exempt": "none"} | params,
        )
        made["invoice_settings"] = blank(stripe.Customer.InvoiceSettings)
        self.emit("customer.created", made)
        return made

    def create_product(self, params: Data) -> Data:
        """Make a product. Raises ApiError where its id is taken."""
        if params.get("id") in self.objects:
            raise ApiError("Product already exists.", code="resource_already_exists", param="id")
        made = self.put(
            stripe.Product,
            "prod",
            **{"active": True, "type": "service", "updated": self.now()} | params,
        )
        self.emit("product.created", made)
        return made

    def create_price(self, params: Data, *, inline: bool = False) -> Data:
        """Make a price. Raises ApiError where its lookup key is taken."""
        if not re.fullmatch("[a-z]{3}", params["currency"]):
            raise refuse(f"Invalid currency: {params['currency']}.", "currency")
        self.get(params.get("product", ""), "product", param="product", status=400)
        key = params.get("lookup_key")
        if key and self.all("price", lookup_key=key):
            raise refuse(f"A price already uses the lookup key `{key}`.", "lookup_key")
        recurring = params.get("recurring")
        made = self.put(
            stripe.Price,
            "price",
            **{"tax_behavior": "unspecified"}
            | params
            | {
                "active": True,
                "type": "recurring" if recurring else "one_time",
                "unit_amount_decimal": str(params["unit_amount"]),
                "recurring": recurring
                and blank(stripe.Price.Recurring, interval_count=1, usage_type="licensed")
                | recurring,
            },
        )
        if not inline:
            self.emit("price.created", made)
        return made
