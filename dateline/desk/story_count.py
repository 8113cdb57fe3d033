"""How many stories there are, without counting them: the list says it on each of its pages."""

from typing import Any

from django.db import connection
from django.utils.functional import cached_property
from wagtail.admin.paginator import WagtailPaginator

TRIGGERS = {
    f"desk_story_count_follows_{what}": f"AFTER {what} ON desk_story "
    f"BEGIN UPDATE desk_story_count SET stories = stories {change} 1; END"
    for what, change in (("INSERT", "+"), ("DELETE", "-"))
}


def ensure_table(cursor: Any) -> None:
    """Make the table of the one number, and count anew."""
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS desk_story_count (id INTEGER PRIMARY KEY CHECK (id = 1), stories INTEGER NOT NULL)"
    )
    cursor.execute("INSERT OR REPLACE INTO desk_story_count SELECT 1, count(*) FROM desk_story")


class StoryPaginator(WagtailPaginator):
    """Wagtail's, for a list of stories."""

    @cached_property
    def count(self) -> int:
        """How many are in the list; those that a search or a filter found are few, and counted."""
        if self.object_list.query.where:
            return int(super().count)
        with connection.cursor() as cursor:
            cursor.execute("SELECT stories FROM desk_story_count")
            return int(cursor.fetchone()[0])
