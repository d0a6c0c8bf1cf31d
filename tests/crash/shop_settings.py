"""Settings of the programs that are killed while they deal with money.

The real ones, with a product that delivers in a task, a door to an account's meter, and the queue
this program rings in: so one worker can die of every ring while another one waits for its turn.
"""

import os

from config.settings import *  # noqa: F403

FULFILMENT = {
    **FULFILMENT,  # noqa: F405
    "prints.poster": {
        "fulfil": "tests.crash.product.fulfil",
        "withdraw": "tests.crash.product.withdraw",
    },
}
ROOT_URLCONF = "tests.crash.shop_urls"
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("RING_IN", "quick")
CELERY_TASK_ROUTES = {"billing.flows.mirror.*": {"queue": os.environ.get("MIRROR_IN", "quick")}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
