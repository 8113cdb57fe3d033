"""Django's settings. Wiring only: the operator's own settings are in `dateline.options`."""

import os
import secrets
import sys
from pathlib import Path

from dateline.options import BadOption, agency_of, hosts_of, read_options

try:
    OPTIONS = read_options(os.environ, Path.cwd())
except BadOption as error:
    sys.exit(f"Dateline cannot start: {error}")

AGENCY = agency_of(OPTIONS)
DATELINE_HOME: Path = OPTIONS["HOME"]
PORT: int = OPTIONS["PORT"]
FRONT_ELEMENTS: int = OPTIONS["FRONT"]
MEMORY_BYTES: int = OPTIONS["MEMORY_MB"] * 1024 * 1024

# Nothing public signs with it; without a desk there are no sessions. A fresh one at each start.
SECRET_KEY = os.environ.get("DATELINE_SECRET_KEY") or secrets.token_urlsafe(50)
DEBUG = False
ALLOWED_HOSTS = hosts_of(OPTIONS)
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = AGENCY.language
ROOT_URLCONF = "dateline.urls"
ASGI_APPLICATION = "dateline.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "dateline.wire",
    "dateline.intake",
    "dateline.site",
    "dateline.feeds",
]
MIDDLEWARE = ["dateline.pages.headers.SecurityHeaders"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"string_if_invalid": ""},
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATELINE_HOME / "wire.sqlite3",
        "OPTIONS": {
            # The lock is taken when a transaction begins, so that the next seq can be read under it.
            "transaction_mode": "IMMEDIATE",
            # FULL: what append acknowledged is on the disk. A writer waits 20 s for the lock at most.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;",
            "timeout": 20,
        },
        "TEST": {"NAME": DATELINE_HOME / "test.sqlite3"},
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
