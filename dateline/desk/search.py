"""Search in stories: an FTS5 table of our own, one row a story, written with each version.

Wagtail's index on SQLite took seconds to answer in 100,000 stories and made each release 25 times as
slow (docs/decisions/0008).
"""

import re
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from dateline.desk.story_words import words_of

TABLE = "CREATE VIRTUAL TABLE IF NOT EXISTS desk_story_fts USING fts5(headline, slugline, words, tokenize='unicode61')"
# More than anyone looks through; a search that finds more is narrowed.
_MOST = 1000


def index(story: Any) -> None:
    """Write a story's row anew."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM desk_story_fts WHERE rowid = %s", [story.pk])
        cursor.execute(
            "INSERT INTO desk_story_fts (rowid, headline, slugline, words) VALUES (%s, %s, %s, %s)",
            [story.pk, story.headline, story.slugline, words_of(story)],
        )


def find(queryset: QuerySet[Any], query: str) -> QuerySet[Any]:
    """Return the stories of the queryset that have all words of the query, the last may be a beginning."""
    terms = re.findall(r"\w+", query)
    if not terms:
        return queryset.none()
    match = " ".join(f'"{term}"' for term in terms) + "*"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rowid FROM desk_story_fts WHERE desk_story_fts MATCH %s ORDER BY rank LIMIT %s", [match, _MOST]
        )
        found = [row[0] for row in cursor.fetchall()]
    return queryset.filter(pk__in=found)
