"""Forms of the account page."""

from django import forms

from accounts.models import ApiKey


class KeyForm(forms.ModelForm):
    """The name of a new API key."""

    class Meta:
        model = ApiKey
        fields = ("name",)
        labels = {"name": "Name"}
        help_texts = {"name": "Where you will use it, so that you know it again."}
