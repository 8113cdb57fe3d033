"""The rules of release that the database itself keeps, whatever code asks it.

They are made anew after every `migrate`: SQLite rebuilds a table that a migration alters, and its
triggers go with the old one. The messages are for a log; who uses the desk meets `release_rules` first.
"""

from django.db import connection

from dateline.desk import search, story_count
from dateline.desk.queue_rows import WAITS

_TEXT_ACTS = "('publish', 'archive', 'update', 'correct', 'refile')"
# Since the last dispatch that took a text of the desk's along.
_SINCE = (
    "coalesce((SELECT max(r.seq) FROM desk_release r WHERE r.story_id = NEW.story_id AND r.revision_id IS NOT NULL), 0)"
)
# Their words are in the version that goes out.
_IN_IT = "(a.revision_id IS NULL OR NEW.revision_id IS NULL OR a.revision_id <= NEW.revision_id)"
_URGENCY = "coalesce(json_extract(CAST({0}.item AS TEXT), '$.urgency'), 9)"
_EMBARGO = "json_extract(CAST({0}.item AS TEXT), '$.embargoedUntil')"
# Instants are RFC 3339 in UTC, with or without a fraction: to the second they compare as text.
_AHEAD = f"substr({_EMBARGO.format('b')}, 1, 19) > substr(d.sent, 1, 19)"
_OPENS_BY_TEXT = (
    f"NEW.act IN {_TEXT_ACTS} AND coalesce({_AHEAD} AND {_EMBARGO.format('d')} < {_EMBARGO.format('b')}, 0)"
)

_ASKED = """EXISTS (
    SELECT 1 FROM desk_request q WHERE q.story_id = NEW.story_id AND q.act = NEW.act
    AND q.digest = NEW.digest AND q.after_seq = coalesce(b.seq, 0) AND q.user_id <> NEW.user_id)"""

_NEEDS_SECOND = f"""
    (NEW.act IN {_TEXT_ACTS} AND min({_URGENCY.format("d")}, {_URGENCY.format("b")}) <= 2)
    OR (NEW.act = 'kill' AND (
        EXISTS (SELECT 1 FROM wire_dispatch t WHERE t.uri = d.uri AND t.act IN {_TEXT_ACTS}
                AND NOT EXISTS (SELECT 1 FROM desk_release r WHERE r.seq = t.seq))
        OR NOT EXISTS (SELECT 1 FROM desk_author a WHERE a.story_id = NEW.story_id AND a.user_id = NEW.user_id)
        OR EXISTS (SELECT 1 FROM desk_author a WHERE a.story_id = NEW.story_id AND a.user_id <> NEW.user_id)))
    OR (NEW.act = 'release' AND {_AHEAD} AND json_extract(CAST(b.item AS TEXT), '$.pubStatus') = 'usable')
    OR ({_OPENS_BY_TEXT})
"""
_HAS_SECOND = f"""
    EXISTS (
        SELECT 1 FROM desk_approval p
        WHERE p.id = NEW.approval_id AND p.story_id = NEW.story_id AND p.act = NEW.act AND p.digest = NEW.digest
          AND p.after_seq = coalesce(b.seq, 0)
          AND CASE WHEN NEW.act IN {_TEXT_ACTS}
              THEN NOT EXISTS (SELECT 1 FROM desk_author a WHERE a.story_id = NEW.story_id
                               AND a.user_id = p.user_id AND a.after_seq >= {_SINCE} AND {_IN_IT})
                   AND (p.user_id <> NEW.user_id OR {_ASKED} OR (NEW.act IN ('publish', 'archive') AND EXISTS (
                        SELECT 1 FROM desk_author a WHERE a.story_id = NEW.story_id AND a.after_seq >= {_SINCE})))
              ELSE p.user_id <> NEW.user_id OR {_ASKED} END)
"""
_FROZEN = """
    (NEW.act NOT IN ('hold', 'kill')
     AND (SELECT frozen FROM desk_freeze WHERE user_id IS NULL ORDER BY id DESC LIMIT 1) = 1)
    OR (SELECT frozen FROM desk_freeze WHERE user_id = NEW.user_id ORDER BY id DESC LIMIT 1) = 1
"""

TRIGGERS: dict[str, str] = {
    "desk_release_is_checked": f"""
    BEFORE INSERT ON desk_release BEGIN
        SELECT RAISE(ABORT, 'a release names the dispatch that it made')
        WHERE NOT EXISTS (SELECT 1 FROM wire_dispatch d JOIN desk_story s ON s.uri = d.uri
                          WHERE d.seq = NEW.seq AND s.id = NEW.story_id AND d.act = NEW.act
                            AND d.seq = (SELECT max(seq) FROM wire_dispatch));
        SELECT RAISE(ABORT, 'releases are frozen') WHERE {_FROZEN};
        SELECT RAISE(ABORT, 'it needs a second pair of eyes')
        FROM wire_dispatch d LEFT JOIN wire_dispatch b ON b.uri = d.uri AND b.version = d.version - 1
        WHERE d.seq = NEW.seq AND NEW.glass = '' AND ({_NEEDS_SECOND}) AND NOT ({_HAS_SECOND});
    END""",
    "desk_approval_is_not_by_an_author": f"""
    BEFORE INSERT ON desk_approval WHEN NEW.act IN {_TEXT_ACTS} AND EXISTS (
        SELECT 1 FROM desk_author a WHERE a.story_id = NEW.story_id AND a.user_id = NEW.user_id
        AND a.after_seq >= {_SINCE} AND {_IN_IT})
    BEGIN SELECT RAISE(ABORT, 'an author of a text does not approve it'); END""",
    "desk_story_begins_with_its_item": """
    BEFORE INSERT ON desk_story WHEN EXISTS (SELECT 1 FROM wire_item WHERE uri = NEW.uri)
    BEGIN SELECT RAISE(ABORT, 'the wire carries this uri already; a story begins before its item'); END""",
    "desk_story_begins_as_a_draft": """
    BEFORE INSERT ON desk_story WHEN NEW.live <> 0 OR NEW.live_revision_id IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a story begins as a draft'); END""",
    "desk_story_goes_live_with_its_dispatch": """
    BEFORE UPDATE ON desk_story WHEN NEW.live IS NOT OLD.live OR NEW.live_revision_id IS NOT OLD.live_revision_id
    BEGIN
        SELECT RAISE(ABORT, 'a story goes live with its dispatch only, and never after a kill')
        WHERE NEW.live = 1 AND (
            EXISTS (SELECT 1 FROM desk_release WHERE story_id = NEW.id AND act = 'kill')
            OR EXISTS (SELECT 1 FROM wire_item WHERE uri = NEW.uri AND pubstatus = 'canceled')
            OR NEW.live_revision_id IS NULL
            OR NEW.live_revision_id IS NOT (SELECT revision_id FROM desk_release
                WHERE story_id = NEW.id AND revision_id IS NOT NULL ORDER BY seq DESC LIMIT 1));
        SELECT RAISE(ABORT, 'what the wire carries is taken back by a kill only')
        WHERE NEW.live = 0 AND 'kill' IS NOT (
            SELECT act FROM desk_release WHERE story_id = NEW.id ORDER BY seq DESC LIMIT 1);
    END""",
    "desk_story_keeps_its_uri": """
    BEFORE UPDATE ON desk_story WHEN NEW.uri IS NOT OLD.uri OR NEW.id IS NOT OLD.id
    BEGIN SELECT RAISE(ABORT, 'the uri of a story never changes'); END""",
    "desk_story_on_the_wire_is_never_deleted": """
    BEFORE DELETE ON desk_story WHEN OLD.live <> 0 OR EXISTS (SELECT 1 FROM wire_item WHERE uri = OLD.uri)
    BEGIN SELECT RAISE(ABORT, 'a story that the wire carries is never deleted'); END""",
    "desk_revision_that_was_released_never_changes": """
    BEFORE UPDATE ON wagtailcore_revision
    WHEN (NEW.content IS NOT OLD.content OR NEW.object_id IS NOT OLD.object_id)
      AND EXISTS (SELECT 1 FROM desk_release WHERE revision_id = OLD.id)
    BEGIN SELECT RAISE(ABORT, 'a version that was released never changes'); END""",
    "desk_revision_that_was_released_is_never_deleted": """
    BEFORE DELETE ON wagtailcore_revision WHEN EXISTS (SELECT 1 FROM desk_release WHERE revision_id = OLD.id)
    BEGIN SELECT RAISE(ABORT, 'a version that was released is never deleted'); END""",
    "desk_picture_on_the_wire_never_changes": """
    BEFORE UPDATE ON desk_picture WHEN OLD.used_at IS NOT NULL AND (NEW.digest IS NOT OLD.digest
        OR NEW.file IS NOT OLD.file OR NEW.used_at IS NULL)
    BEGIN SELECT RAISE(ABORT, 'the file of a picture that the wire carries never changes'); END""",
    "desk_picture_on_the_wire_is_never_deleted": """
    BEFORE DELETE ON desk_picture WHEN OLD.used_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a picture that the wire carries is never deleted'); END""",
}
for _table in ("release", "approval", "author", "request", "freeze", "note", "record", "picturechange"):
    for _verb, _past in (("UPDATE", "changed"), ("DELETE", "deleted")):
        TRIGGERS[f"desk_{_table}_is_never_{_past}"] = (
            f"BEFORE {_verb} ON desk_{_table} BEGIN SELECT RAISE(ABORT, 'desk_{_table} is only ever added to'); END"
        )
for _verb, _past in (("UPDATE", "changed"), ("DELETE", "deleted")):
    TRIGGERS[f"desk_log_is_never_{_past}"] = (
        f"BEFORE {_verb} ON wagtailcore_modellogentry BEGIN SELECT RAISE(ABORT, 'the log is only ever added to'); END"
    )


def ensure_triggers() -> None:
    """Make the triggers as they stand here, in place of what is there; and what else no model can say."""
    with connection.cursor() as cursor:
        search.ensure_table(cursor)
        story_count.ensure_table(cursor)
        # An earlier form of the one below.
        cursor.execute("DROP INDEX IF EXISTS desk_story_waits")
        cursor.execute(
            f"CREATE INDEX IF NOT EXISTS desk_story_waiting ON desk_story (urgency, changed_at) WHERE {WAITS}"
        )
        for name, text in (TRIGGERS | story_count.TRIGGERS).items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(f"CREATE TRIGGER {name} {text.strip()}")
