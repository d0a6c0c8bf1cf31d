"""The Celery app. Celery is a doorbell: what must happen stands in a database row."""

import os

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("atelier")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # web threads too, not only the thread that imported this
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks(related_name="flows")
app.autodiscover_tasks(["common"], related_name="jobs")


@setup_logging.connect
def keep_our_logging(**kwargs: object) -> None:
    """Leave logging as Django's settings made it; a receiver alone tells Celery to stay out."""
