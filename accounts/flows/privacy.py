"""Privacy: what is kept no longer than needed."""

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone


@shared_task
def forget_old_sessions() -> int:
    """Delete sessions that have run out; return how many."""
    deleted, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return deleted
