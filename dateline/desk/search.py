"""Search in stories: an FTS5 table of our own, one row a story, written with each version.

Wagtail's index on SQLite took seconds to answer in 100,000 stories and made each release 25 times as
slow (docs/decisions/0008). What is found is the newest, by the order of the rows: to rank all that match, as
FTS5 can, takes the longer the more was ever written.
"""

import re
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from dateline.desk.story_words import words_of

# Beginnings of up to three letters have an index of their own: thousands of words begin with an s.
_TABLE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS desk_story_fts "
    "USING fts5(headline, slugline, words, tokenize='unicode61', prefix='1 2 3')"
)
# Ten pages, more than anyone looks through; a search that finds more is narrowed.
_MOST = 500


def ensure_table(cursor: Any) -> None:
    """Make the table; one of an earlier release, without the index of beginnings, is copied."""
    cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'desk_story_fts' AND sql NOT LIKE '%%prefix=%%'")
    is_old = cursor.fetchone() is not None
    if is_old:
        cursor.execute("ALTER TABLE desk_story_fts RENAME TO desk_story_fts_before")
    cursor.execute(_TABLE)
    if is_old:
        cursor.execute(
            "INSERT INTO desk_story_fts (rowid, headline, slugline, words) "
            "SELECT rowid, headline, slugline, words FROM desk_story_fts_before"
        )
        cursor.execute("DROP TABLE desk_story_fts_before")


def index(story: Any) -> None:
    """Write a story's row anew."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM desk_story_fts WHERE rowid = %s", [story.pk])
        cursor.execute(
            "INSERT INTO desk_story_fts (rowid, headline, slugline, words) VALUES (%s, %s, %s, %s)",
            [story.pk, story.headline, story.slugline, words_of(story)],
        )


def find(queryset: QuerySet[Any], query: str) -> QuerySet[Any]:
    """Return the newest stories of the queryset that have all words of the query, the last may be a beginning."""
    terms = re.findall(r"\w+", query)
    if not terms:
        return queryset.none()
    match = " ".join(f'"{term}"' for term in terms)
    found = _newest(match)
    if len(found) < _MOST:
        # All words that begin so are put together first. Where the word itself fills the list that is spared.
        found = _newest(f"{match}*")
    return queryset.filter(pk__in=found)


def _newest(match: str) -> list[int]:
    query = "SELECT rowid FROM desk_story_fts WHERE desk_story_fts MATCH %s ORDER BY rowid DESC LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [match, _MOST])
        return [row[0] for row in cursor.fetchall()]
