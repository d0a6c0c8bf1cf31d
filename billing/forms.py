"""Forms of the account page and of the shop."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from django import forms

from accounts.models import Account, ApiKey
from billing.models import Offer

# ISO 3166: two letters and the English name, in the order of the names.
COUNTRIES: Final[dict[str, str]] = orjson.loads(
    (Path(__file__).resolve().parent / "data" / "countries.json").read_bytes()
)


def new_ticket() -> str:
    """Return a random text that makes one form unlike another."""
    return secrets.token_urlsafe(16)


class KeyForm(forms.ModelForm):
    """The name of a new API key, and a ticket that is good for one key."""

    ticket = forms.CharField(max_length=40, widget=forms.HiddenInput)

    class Meta:
        model = ApiKey
        fields = ("name",)
        labels = {"name": "Name"}
        help_texts = {"name": "Where you will use it, so that you know it again."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ticket"].initial = new_ticket


class BuyForm(forms.Form):
    """Who buys, and from where. `seen` is the price that was on the page when it was sent."""

    ticket = forms.CharField(max_length=40, widget=forms.HiddenInput)
    seen = forms.CharField(max_length=60, required=False, widget=forms.HiddenInput)
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="Your receipt goes there.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    account = forms.TypedChoiceField(label="Account", coerce=int)
    target = forms.ChoiceField(label="What for", required=False)
    country = forms.ChoiceField(
        label="Country",
        choices=list(COUNTRIES.items()),
        help_text="Where you live. It decides about tax.",
        widget=forms.Select(attrs={"autocomplete": "country", "data-requote": ""}),
    )

    def __init__(
        self,
        *args: Any,
        offer: Offer,
        accounts: Sequence[Account],
        keys: Sequence[ApiKey],
        **kwargs: Any,
    ) -> None:
        """`accounts`: those a signed-in person manages, none for a guest; `keys`: to extend."""
        super().__init__(*args, **kwargs)
        self.offer, self.accounts, self.keys = offer, accounts, keys
        self.fields["ticket"].initial = new_ticket
        if accounts:
            del self.fields["email"]
        if len(accounts) < 2:
            del self.fields["account"]
        else:
            self._choices("account", [(str(row.pk), row.name) for row in accounts])
        if keys:
            extend = [(f"key:{key.pk}", f"Extend {key.name} ({key.prefix}…)") for key in keys]
            self._choices("target", [("", "A new key"), *extend])
        else:
            del self.fields["target"]

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        """A key is extended by the account it belongs to."""
        data = super().clean() or {}
        key = next((k for k in self.keys if f"key:{k.pk}" == data.get("target")), None)
        owner = self.chosen()
        if key is not None and owner is not None and key.account_id != owner.pk:
            self.add_error("target", "This key belongs to another account of yours.")
        return data

    def chosen(self) -> Account | None:
        """Return the account that buys; None for a guest or where the choice makes no sense."""
        if len(self.accounts) < 2:
            return self.accounts[0] if self.accounts else None
        wanted = str(self["account"].value() or self.accounts[0].pk)
        return next((row for row in self.accounts if str(row.pk) == wanted), None)
