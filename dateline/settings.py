"""Django's settings. Wiring only: the operator's own settings are in `dateline.options`."""

import os
import sys
from pathlib import Path

from dateline.options import (
    SECRET_FILE,
    BadOption,
    agency_of,
    hosts_of,
    is_loopback,
    mail_of,
    read_options,
    secret_key,
)

try:
    OPTIONS = read_options(os.environ, Path.cwd())
except BadOption as error:
    sys.exit(f"Dateline cannot start: {error}")

AGENCY = agency_of(OPTIONS)
DATELINE_HOME: Path = OPTIONS["HOME"]
PORT: int = OPTIONS["PORT"]
FRONT_ELEMENTS: int = OPTIONS["FRONT"]
WORKERS: int = OPTIONS["WORKERS"]
MEMORY_BYTES: int = OPTIONS["MEMORY_MB"] * 1024 * 1024
REPLAY_BYTES: int = OPTIONS["REPLAY_MB"] * 1024 * 1024

# The address that `dateline run --host` listens on; the command sets it before it serves.
LISTEN_HOST = "127.0.0.1"

# Signs the desk's sessions. `dateline run` keeps the one that it starts with in the home's keys.
SECRET_KEY = secret_key(DATELINE_HOME / "keys" / SECRET_FILE)
DEBUG = False
ALLOWED_HOSTS = hosts_of(OPTIONS)
USE_TZ = True
TIME_ZONE = AGENCY.timezone
LANGUAGE_CODE = AGENCY.language
ROOT_URLCONF = "dateline.urls"
ASGI_APPLICATION = "dateline.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "dateline.wire",
    "dateline.intake",
    "dateline.site",
    "dateline.feeds",
    "dateline.delivery",
    "dateline.desk",
    "wagtail.snippets",
    "wagtail.images",
    "wagtail.documents",
    "dateline.desk.apps.DeskUsersConfig",
    "wagtail.admin",
    "wagtail.search",
    "wagtail.contrib.table_block",
    "wagtail",
    "modelcluster",
    "taggit",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
# The public side uses none but the first; what the others do begins when a view of the desk asks for it.
MIDDLEWARE = [
    "dateline.pages.headers.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dateline.desk.access.SessionActivity",
    "dateline.desk.access.DeskAccess",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "string_if_invalid": "",
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "/static/"
# Uploads, for who is at the desk; readers get renditions below /pictures/ once an item with them was released.
MEDIA_URL = "/desk/media/"
MEDIA_ROOT = DATELINE_HOME / "desk-media"
# Counts failed sign-ins; the server is one process.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Who is at the desk (docs/operating.md).
AUTH_USER_MODEL = "desk.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        # NIST SP 800-63B section 3.1.1.2: at least eight where there is a second factor.
        "OPTIONS": {"min_length": 10},
    }
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/desk/"
SESSION_COOKIE_NAME = "dateline_desk"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/desk/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OPTIONS["URL"].startswith("https://")
SESSION_COOKIE_SAMESITE = "Lax"
# Half a day: a shift and its handover.
SESSION_COOKIE_AGE = 12 * 3600
CSRF_FAILURE_VIEW = "dateline.desk.access.csrf_failed"
CSRF_TRUSTED_ORIGINS = [OPTIONS["URL"]]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
ACCOUNT_ADAPTER = "dateline.desk.signin.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{AGENCY.name}] "
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = AGENCY.name
# Accounts are made at the desk by someone who knows the person.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# Browsers give WebAuthn to http only on the loopback.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = is_loopback(OPTIONS["URL"])
USERSESSIONS_TRACK_ACTIVITY = True
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if OPTIONS['SMTP'] else 'dummy'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_SSL, EMAIL_USE_TLS = mail_of(OPTIONS)
DEFAULT_FROM_EMAIL = OPTIONS["MAIL_FROM"] or f"desk@{AGENCY.domain}"
EMAIL_TIMEOUT = 10

# Wagtail, for the desk alone.
WAGTAIL_SITE_NAME = AGENCY.name
WAGTAILADMIN_BASE_URL = OPTIONS["URL"]
WAGTAILADMIN_LOGIN_URL = "account_login"
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = False
WAGTAIL_PASSWORD_RESET_ENABLED = False
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_USAGE_COUNT_ENABLED = True
# What the browser's own date fields read.
WAGTAIL_DATETIME_FORMAT = "%Y-%m-%dT%H:%M"
WAGTAILIMAGES_IMAGE_MODEL = "desk.Picture"
WAGTAILIMAGES_EXTENSIONS = ["avif", "gif", "jpg", "jpeg", "png", "webp"]
# Read by Wagtail when it is imported: what a workflow's end does (docs/decisions/0008).
WAGTAIL_FINISH_WORKFLOW_ACTION = "dateline.desk.finish_review.release_reviewed"
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
# The item's public page, for the desk's preview: the rooms do not import each other.
ITEM_PREVIEW = "dateline.site.render.preview_page"
# The newsfeed's frame and its sections, for the readers' alerts: in the same way.
PUBLIC_FRAME = "dateline.site.render.framed"
PUBLIC_SECTIONS = "dateline.site.render.menu"
# The room that serves the subscribers, for the desk's screens of them: in the same way (`desk.subscribers.Room`).
SUBSCRIBERS = "dateline.delivery.for_desk"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATELINE_HOME / "wire.sqlite3",
        "OPTIONS": {
            # The lock is taken when a transaction begins, so that the next seq can be read under it.
            "transaction_mode": "IMMEDIATE",
            # FULL: what append acknowledged is on the disk. A writer waits 20 s for the lock at most.
            # A running server moves the write-ahead file's pages into the database (dateline.wire.write_back); whoever
            # commits does it at 16 MB only.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON; "
            "PRAGMA wal_autocheckpoint=4000;",
            "timeout": 20,
        },
        "TEST": {"NAME": DATELINE_HOME / "test.sqlite3"},
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "dateline.wire.full_disk.LineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # What is refused at the desk its own view logs (`csrf_failed`); strangers' wrong methods are no news.
        "django.security.csrf": {"level": "ERROR"},
        "django_tasks": {"level": "WARNING"},
        # A line for each request that a follower makes says nothing to whoever runs it.
        "httpx": {"level": "WARNING"},
        "wagtail": {"level": "WARNING"},
    },
}
