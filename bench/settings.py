"""The production settings, with more addresses to compare with and a Stripe that is not Stripe."""

import os

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
SECURE_SSL_REDIRECT = False  # the load comes over plain loopback
SESSION_COOKIE_SECURE = False
LOG_LEVEL = "INFO"
STRIPE_API_URL = os.environ.get("BENCH_STRIPE", "")
# Hashed names need `collectstatic`, which takes longer than what is measured.
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
