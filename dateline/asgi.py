"""Django's ASGI application, for what no ready page answers; the desk's static files go before it."""

import os

from django.core.asgi import get_asgi_application
from servestatic import ServeStaticASGI

from dateline.pages.body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dateline.settings")
# Wagtail's addresses carry a version, ours an ETag; an hour keeps an old script no longer than that.
_MAX_AGE_S = 3600
_static = ServeStaticASGI(get_asgi_application(), max_age=_MAX_AGE_S)
# The desk takes pictures.
application = BodyLimit(_static, apart=("/desk/",))

from django.contrib.staticfiles.finders import AppDirectoriesFinder  # noqa: E402

for _storage in AppDirectoriesFinder().storages.values():
    _static.add_files(_storage.location, prefix="/static/")
