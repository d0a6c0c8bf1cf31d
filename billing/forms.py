"""Forms of the account page."""

import secrets
from typing import Any

from django import forms

from accounts.models import ApiKey


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
