"""Django's ASGI application, for what no ready page answers."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dateline.settings")
application = get_asgi_application()
