"""Settings of the test runs: the real ones, with what makes tests fast and repeatable."""

import os
import tempfile
from pathlib import Path

os.environ["ATELIER_ENV"] = "test"
# Every run has its own data folder; nothing of a developer's installation is touched.
os.environ.setdefault("VAR_DIR", str(Path(tempfile.gettempdir()) / f"atelier-test-{os.getuid()}"))

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": f"tests-{os.environ.get('PYTEST_XDIST_WORKER', 'one')}",
    }
}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
MAILBOX_DIR = Path(VAR_DIR) / "outbox" / os.environ.get("PYTEST_XDIST_WORKER", "one")  # noqa: F405
MEDIA_ROOT = Path(VAR_DIR) / "media"  # noqa: F405
VOCABULARY_REFRESH_SECONDS = 0
ACCOUNT_RATE_LIMITS = False
WHITENOISE_AUTOREFRESH = False
TEMPLATES[0]["DIRS"].append(BASE_DIR / "tests" / "templates")  # noqa: F405
Path(STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # noqa: F405 - WhiteNoise warns without it
