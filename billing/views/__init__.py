"""Pages of money: the account and its keys, the shop, orders, plans, claims, invoices."""
