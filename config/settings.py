"""Settings, all from the environment. The table in docs/settings.md is made from this file.

One file for every environment: ATELIER_ENV is `production` unless it says `dev` or `test`, and
every development privilege reads that one value.
"""

import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.env import Env, redis_database
from config.logs import logging_settings
from config.secrets import kept, production_problems, random_field_key, random_password

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

# --- Environment -------------------------------------------------------------------------------
env.title("Environment")
ENV = env.choice(
    "ATELIER_ENV",
    "production",
    ("production", "dev", "test"),
    help="`dev` and `test` switch on the development privileges; the Makefile sets it.",
)
IS_PRODUCTION = ENV == "production"
IS_DEV = ENV == "dev"
IS_TEST = ENV == "test"
DEBUG = False  # Never: its error pages show settings and source. Logs say what went wrong.
# A relative folder is one of the project's, whatever folder a program is started in.
VAR_DIR = BASE_DIR / (
    env.text("VAR_DIR", "var", shown="var/", help="Folder for everything written locally.") or "var"
)
PORT = env.number("PORT", 8000, help="Port the web server listens on.", low=1)
PUBLIC_BASE_URL = env.text(
    "PUBLIC_BASE_URL",
    "" if IS_PRODUCTION else f"http://127.0.0.1:{PORT}",
    shown="http://127.0.0.1:$PORT in dev; required in production",
    help="Address people reach this installation at; links in mails start with it.",
).rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_BASE_URL).netloc

# --- Secrets -----------------------------------------------------------------------------------
env.title("Secrets")
SECRET_KEY = env.text(
    "SECRET_KEY",
    "" if IS_PRODUCTION else kept(VAR_DIR / "secret-key"),
    shown="random, kept in var/ in dev; required in production",
    help="Signs sessions, links and tokens. At least 50 random characters.",
    aliases=("SESSION_SECRET",),
)
SECRET_KEY_FALLBACKS = env.names(
    "SECRET_KEY_FALLBACKS",
    help="Earlier secret keys, comma-separated, still accepted while rotating.",
)
FIELD_KEYS = env.names(
    "FIELD_KEYS",
    default="" if IS_PRODUCTION else kept(VAR_DIR / "field-key", random_field_key),
    shown="random, kept in var/ in dev; required in production",
    help="Fernet keys for encrypted columns, comma-separated: the first encrypts, all decrypt.",
)
DATABASE_URL = env.text(
    "DATABASE_URL",
    help="`postgres://user:password@host/name`; else SQLite under var/, never in production.",
)
REDIS_URL = env.text(
    "REDIS_URL",
    help="`redis://host:6379`; else the Valkey of `make run`, never in production.",
)

# --- Applications ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config.apps.HouseConfig",
    "accounts",
    "billing",
    "prompts",
    "config.apps.StaffSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "rest_framework",
    "drf_spectacular",
    "django_celery_beat",
    "django_structlog",
    "anymail",
    "djstripe",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.HealthMiddleware",
    "config.middleware.EdgeMiddleware",
    "config.middleware.SecurityHeadersMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.UserErrorMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.house",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")
SITE_ID = 1
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- Database ----------------------------------------------------------------------------------
env.title("Database")
CONN_MAX_AGE = env.number(
    "DB_CONN_MAX_AGE", 60, help="Seconds a PostgreSQL connection is kept open."
)
SQLITE_PATH = env.text(
    "SQLITE_PATH",
    str(VAR_DIR / "db.sqlite3"),
    shown="var/db.sqlite3",
    help="File of the SQLite database that development uses.",
    aliases=("USAGE_DB",),
)
DATABASES: dict[str, Any]
if DATABASE_URL:
    DATABASES = {"default": environ.Env.db_url_config(DATABASE_URL)}
    DATABASES["default"] |= {"CONN_MAX_AGE": CONN_MAX_AGE, "CONN_HEALTH_CHECKS": True}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": SQLITE_PATH,
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # Without IMMEDIATE a read that turns into a write fails at once under WAL.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
                ),
            },
        }
    }
# dj-stripe's own migrations take 33 seconds on every new database, this copy less than one.
MIGRATION_MODULES = {"djstripe": "billing.djstripe_migrations"}

# --- Broker, cache and rate limits -------------------------------------------------------------
env.title("Broker and cache")
VALKEY_SOCKET = VAR_DIR / "valkey.sock"
CELERY_BROKER_URL = redis_database(REDIS_URL, 0) or f"redis+socket://{VALKEY_SOCKET}"
CACHE_URL = redis_database(REDIS_URL, 1) or f"unix://{VALKEY_SOCKET}?db=1"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "atelier",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 1},
    }
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Jobs live in the database; a redelivery only rings again, so a short timeout is harmless.
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,  # a hung broker must not hold a request for ever
    "socket_keepalive": True,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}
CELERY_TASK_DEFAULT_QUEUE = "quick"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- Files -------------------------------------------------------------------------------------
env.title("Files")
S3_BUCKET = env.text("S3_BUCKET", help="Bucket for media files; without it they lie in var/media.")
S3_ENDPOINT_URL = env.text(
    "S3_ENDPOINT_URL", help="Address of the object storage, if it is not AWS."
)
S3_REGION = env.text("S3_REGION", help="Region of the bucket.")
S3_ACCESS_KEY_ID = env.text("S3_ACCESS_KEY_ID", help="Access key.", aliases=("AWS_ACCESS_KEY_ID",))
S3_SECRET_ACCESS_KEY = env.text(
    "S3_SECRET_ACCESS_KEY", help="Secret of the access key.", aliases=("AWS_SECRET_ACCESS_KEY",)
)
LOCAL_MEDIA: dict[str, Any] = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
S3_MEDIA: dict[str, Any] = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": S3_BUCKET,
        "endpoint_url": S3_ENDPOINT_URL or None,
        "region_name": S3_REGION or None,
        "access_key": S3_ACCESS_KEY_ID or None,
        "secret_key": S3_SECRET_ACCESS_KEY or None,
        "signature_version": "s3v4",
        "addressing_style": "path" if S3_ENDPOINT_URL else "auto",
        "querystring_auth": True,
        "querystring_expire": 900,
        "file_overwrite": False,
        "default_acl": None,
    },
}
STORAGES = {
    "default": S3_MEDIA if S3_BUCKET else LOCAL_MEDIA,
    "staticfiles": {
        # Hashed names need `collectstatic`; development serves the source folder as it is.
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MEDIA_ROOT = VAR_DIR / "media"
MEDIA_URL = "/media/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
WHITENOISE_AUTOREFRESH = not IS_PRODUCTION
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
API_BODY_LIMIT = 256_000  # bytes; the longest legal idea with every option needs about 30,000

# --- People ------------------------------------------------------------------------------------
env.title("People")
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/account/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.AddEmailForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if PUBLIC_BASE_URL.startswith("http://") else "https"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ALLAUTH_TRUSTED_PROXY_COUNT = env.number(
    "TRUSTED_PROXY_COUNT",
    0,
    help="Number of reverse proxies in front whose client address is believed; "
    "must be set in production, 0 only if gunicorn itself faces the Internet.",
)
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID", help="Google sign-in: client id.")
GOOGLE_CLIENT_SECRET = env.text("GOOGLE_CLIENT_SECRET", help="Google sign-in: client secret.")
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "google": {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": GOOGLE_CLIENT_SECRET, "key": ""}]
        if GOOGLE_CLIENT_ID
        else [],
        "SCOPE": ["profile", "email"],
        "OAUTH_PKCE_ENABLED": True,
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 14 * 24 * 3600
ADMIN_TOKEN = env.text(
    "ADMIN_TOKEN",
    help="Seeds one staff API key with this value (digest only is stored). Optional.",
)
DEMO_KEY = "" if IS_PRODUCTION else "demo123"
DEMO_DAILY_LIMIT = 50
STAFF_PASSWORD = "" if IS_PRODUCTION else kept(VAR_DIR / "staff-password", random_password)
STAFF_EMAIL = env.text(
    "STAFF_EMAIL",
    "owner@atelier.localhost",
    help="Login of the first staff member that `seed` makes in dev.",
)

# --- Mail --------------------------------------------------------------------------------------
env.title("Mail")
EMAIL_BACKEND = "accounts.adapter.OutboxEmailBackend"
DEFAULT_FROM_EMAIL = env.text(
    "FROM_EMAIL",
    "Atelier <hello@atelier.localhost>",
    help="Sender of mails where the brand names none.",
    aliases=("DEFAULT_FROM_EMAIL",),
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
SENDGRID_API_KEY = env.text("SENDGRID_API_KEY", help="Sends mail through SendGrid.")
SMTP_HOST = env.text(
    "SMTP_HOST", help="Sends mail through this SMTP server, if there is no SendGrid key."
)
EMAIL_HOST = SMTP_HOST
EMAIL_PORT = env.number("SMTP_PORT", 587, help="Port of the SMTP server.", low=1)
EMAIL_HOST_USER = env.text("SMTP_USER", help="Login at the SMTP server.")
EMAIL_HOST_PASSWORD = env.text(
    "SMTP_PASS", help="Password at the SMTP server.", aliases=("SMTP_PASSWORD",)
)
EMAIL_USE_TLS = env.flag("SMTP_TLS", True, help="Use STARTTLS with the SMTP server.")
EMAIL_TIMEOUT = 20
ANYMAIL: dict[str, Any] = {"SENDGRID_API_KEY": SENDGRID_API_KEY, "REQUESTS_TIMEOUT": (5, 20)}
SENDGRID_API_URL = env.text(
    "SENDGRID_API_URL", help="Another address for SendGrid's API, for tests."
)
if SENDGRID_API_URL:
    ANYMAIL["SENDGRID_API_URL"] = SENDGRID_API_URL
# How the worker hands a stored mail to the world. Without a provider, development writes .eml files
# for the outbox page and production keeps the mails waiting and says so in a check.
if SENDGRID_API_KEY:
    MAIL_TRANSPORT = "anymail.backends.sendgrid.EmailBackend"
elif SMTP_HOST:
    MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
else:
    MAIL_TRANSPORT = "" if IS_PRODUCTION else "accounts.mailbox.MailboxBackend"
MAILBOX_DIR = VAR_DIR / "outbox"
OUTBOX_PAGE = not IS_PRODUCTION
# Mails that carry a secret are not sent again; these make a new one with a new link.
MAIL_RENEWALS = {
    "account/email/email_confirmation": "accounts.flows.signup.send_verification",
    "account/email/email_confirmation_signup": "accounts.flows.signup.send_verification",
    "account/email/password_reset_key": "accounts.flows.signup.send_reset",
    "billing/email/key_ready": "billing.flows.keyplans.send_links",
}

# --- Prompts -----------------------------------------------------------------------------------
env.title("Prompts")
OPTIMIZE_CACHE_SIZE = env.number(
    "OPTIMIZE_CACHE_SIZE",
    1024,
    help="Results of the optimiser kept in memory per process; 0 switches off.",
)
VOCABULARY_REFRESH_SECONDS = env.number(
    "VOCABULARY_REFRESH_SECONDS",
    2,
    help="How long a process may answer with the vocabulary it holds.",
)
VISITOR_OPTIMIZE_LIMIT = env.number(
    "VISITOR_OPTIMIZE_LIMIT",
    30,
    help="Ideas a visitor without a key may optimise per minute and address.",
)

# --- Telegram ----------------------------------------------------------------------------------
env.title("Telegram")
TELEGRAM_BOT_TOKEN = env.text(
    "TELEGRAM_BOT_TOKEN", help="With a token, `make run` starts the bot worker."
)

# --- Partner API -------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["common.api.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["common.api.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "common.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Atelier API",
    "DESCRIPTION": "Turn a rough idea into prompts for five image and video tools.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/",
    "COMPONENT_SPLIT_REQUEST": True,
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "ApiKey": {"type": "http", "scheme": "bearer", "description": "Your API key."}
        }
    },
}

# --- Payments ----------------------------------------------------------------------------------
env.title("Payments")
STRIPE_API_KEY = env.text(
    "STRIPE_API_KEY",
    help="Stripe secret key, sk_live_… or sk_test_…. Without it nothing is sold in production, and "
    "development has test payments.",
    aliases=("STRIPE_SECRET_KEY",),
)
STRIPE_WEBHOOK_SECRETS = env.names(
    "STRIPE_WEBHOOK_SECRET",
    help="Signs Stripe's webhooks (whsec_…). While rotating: the new one, the old one.",
)
STRIPE_TAX = env.flag(
    "STRIPE_TAX", False, help="Stripe Tax works out the tax at checkout, instead of our table."
)
STRIPE_API_URL = env.text("STRIPE_API_URL", help="Another address for Stripe's API, for tests.")
# The version dj-stripe's tables are made for; the webhook endpoint at Stripe must have the same.
STRIPE_API_VERSION = "2026-05-27.dahlia"
STRIPE_LIVE_MODE = STRIPE_API_KEY.startswith(("sk_live_", "rk_live_"))
# dj-stripe only copies what we fetch ourselves; it never gets a key that would open anything.
STRIPE_LIVE_SECRET_KEY = "sk_live_" + "mirror" * 4
STRIPE_TEST_SECRET_KEY = "sk_test_" + "mirror" * 4
WEBHOOK_BODY_LIMIT = 256_000  # bytes; larger ones are refused before anything is stored
# What a payment sets off, and what a refund, a lost dispute or a lapse takes back. `fulfil` and
# `withdraw` take a billing.models.Fulfilment, write to the database only, and may be run twice;
# `validate` takes an entitlement template and returns what is wrong with it.
FULFILMENT = {
    "billing.plan": {
        "fulfil": "billing.flows.plans.fulfil",
        "withdraw": "billing.flows.plans.withdraw",
        "validate": "billing.flows.plans.problems",
    },
    "billing.key": {
        "fulfil": "billing.flows.keyplans.fulfil",
        "withdraw": "billing.flows.keyplans.withdraw",
        "validate": "billing.flows.keyplans.problems",
    },
}
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"

# --- Security ----------------------------------------------------------------------------------
env.title("Security")
ALLOWED_HOSTS = env.names(
    "ALLOWED_HOSTS", help="Further host names this installation answers to, comma-separated."
)
if PUBLIC_HOST:
    ALLOWED_HOSTS.append(re.sub(r":\d+$", "", PUBLIC_HOST))
if not IS_PRODUCTION:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]", ".localhost", "testserver"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL] if PUBLIC_BASE_URL else []
CSRF_FAILURE_VIEW = "config.views.csrf_failure"
SECURE = PUBLIC_BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if SECURE and ALLAUTH_TRUSTED_PROXY_COUNT else None
)
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Chrome holds form-action against where a form's answer redirects to: Google's consent page.
GOOGLE_ACCOUNTS = ["https://accounts.google.com"] if GOOGLE_CLIENT_ID else []
# The same for Stripe's payment page and customer portal.
STRIPE_PAGES = (
    ["https://checkout.stripe.com", "https://billing.stripe.com"] if STRIPE_API_KEY else []
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF, *GOOGLE_ACCOUNTS, *STRIPE_PAGES],
        "frame-ancestors": [NONE],
    }
}

# --- Logs --------------------------------------------------------------------------------------
env.title("Logs")
LOG_LEVEL = env.choice(
    "LOG_LEVEL",
    "INFO",
    ("DEBUG", "INFO", "WARNING", "ERROR"),
    help="Least severe level that is logged.",
)
LOGGING = logging_settings(LOG_LEVEL, as_json=IS_PRODUCTION)
SILENCED_SYSTEM_CHECKS = ["djstripe.I001", "djstripe.C001"]

# --- Production --------------------------------------------------------------------------------
if IS_PRODUCTION:
    problems = production_problems(
        secret_key=SECRET_KEY,
        secret_key_fallbacks=SECRET_KEY_FALLBACKS,
        field_keys=FIELD_KEYS,
        admin_token=ADMIN_TOKEN,
        database_url=DATABASE_URL,
        redis_url=REDIS_URL,
        public_base_url=PUBLIC_BASE_URL,
        proxies_said=env.is_set("TRUSTED_PROXY_COUNT"),
    )
    if problems:
        raise ImproperlyConfigured(
            "This is a production start (ATELIER_ENV is not dev), and it is not safe yet:\n  - "
            + "\n  - ".join(problems)
            + "\nSee docs/settings.md. To develop, use `make run`."
        )
if IS_PRODUCTION and Path(sys.argv[0]).name == "manage.py":
    sys.stderr.write("Atelier: production environment (ATELIER_ENV is not dev).\n")
