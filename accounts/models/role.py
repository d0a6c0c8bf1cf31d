"""What the starter data gave each staff role."""

from django.contrib.auth.models import Group
from django.db import models


class StaffRole(models.Model):
    """A group of the starter data, and what it was given so far.

    A later version gives a role only what it was never given, and takes back only what it gave:
    what staff ticked or unticked in the admin stays.
    """

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="+")
    granted = models.JSONField(default=list, help_text='Permissions like "accounts.view_user".')

    def __str__(self) -> str:
        return str(self.group)
