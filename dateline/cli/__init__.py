"""The `dateline` command. Thin: each command reads its arguments, calls one room, prints what it did."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dateline.settings")
# Before the rooms are imported: they have models.
django.setup()

from dateline.cli.commands import cli, main  # noqa: E402

__all__ = ["cli", "main"]
