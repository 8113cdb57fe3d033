"""The alerts' SQL. Nothing here touches a table of the wire's."""

from collections.abc import Iterable

import msgspec

from dateline.news.acts import Act
from dateline.wire.store import sql

_READER = "id, address, choice, since, salt, made, refused, refused_at"


class Reader(msgspec.Struct, frozen=True):
    """A reader who has confirmed: gets what `choice` wants, after seq `since`. See the table's comment for the rest."""

    id: int
    address: str
    choice: int
    since: int
    salt: str
    made: str
    refused: int = 0
    refused_at: str = ""


class Waiting(msgspec.Struct, frozen=True):
    """A sign-up that waits for its confirmation: `filter` what was chosen, as text, `at` when."""

    id: int
    address: str
    filter: str
    at: str


class Alert(msgspec.Struct, frozen=True):
    """A dispatch that readers are mailed of, up to and with the reader `upto`."""

    seq: int
    uri: str
    act: str
    upto: int

    @property
    def does(self) -> Act:
        """What the dispatch does."""
        return Act(self.act)


class Recipient(msgspec.Struct, frozen=True):
    """Who is mailed; `had`: an earlier dispatch of the same item was mailed there. `tries`: how often this one was."""

    id: int
    address: str
    salt: str
    had: bool
    tries: int = 0


def choice_of(filter_text: str) -> int:
    """Return the id of a choice, made if there is none."""
    sql().execute("INSERT INTO delivery_choice (filter) VALUES (?) ON CONFLICT DO NOTHING", (filter_text,))
    return int(sql().execute("SELECT id FROM delivery_choice WHERE filter = ?", (filter_text,)).fetchone()[0])


def read_choices() -> list[tuple[int, str]]:
    """Return (id, filter) of every choice that a reader has."""
    return sql().execute(
        "SELECT id, filter FROM delivery_choice c "
        "WHERE EXISTS (SELECT 1 FROM delivery_reader r WHERE r.choice = c.id) ORDER BY id"
    ).fetchall()  # fmt: skip


def read_filter(choice: int) -> str:
    """Return what a choice wants, as text."""
    return str(sql().execute("SELECT filter FROM delivery_choice WHERE id = ?", (choice,)).fetchone()[0])


def find_reader(address: str) -> Reader | None:
    """Return the reader with this address."""
    return _reader("address = ?", address)


def read_reader(reader: int) -> Reader | None:
    """Return a reader by id."""
    return _reader("id = ?", reader)


def _reader(where: str, value: object) -> Reader | None:
    row = sql().execute(f"SELECT {_READER} FROM delivery_reader WHERE {where}", (value,)).fetchone()
    return Reader(*row) if row else None


def insert_reader(address: str, choice: int, since: int, salt: str, made: str) -> None:
    """Keep a reader who has confirmed."""
    sql().execute(
        "INSERT INTO delivery_reader (address, choice, since, salt, made) VALUES (?, ?, ?, ?, ?)",
        (address, choice, since, salt, made),
    )


def change_choice(reader: Reader, choice: int, since: int) -> None:
    """Let a reader get something else after a seq."""
    if reader.since < since:
        sql().execute(
            "INSERT INTO delivery_reader_past VALUES (?, ?, ?, ?)", (reader.id, reader.choice, reader.since, since)
        )
    sql().execute("UPDATE delivery_reader SET choice = ?, since = ? WHERE id = ?", (choice, since, reader.id))


def remove_readers(readers: Iterable[int]) -> None:
    """Forget readers, and overwrite what is known of them."""
    keys = [(key,) for key in readers]
    sql().execute("PRAGMA secure_delete = ON")
    for table, column in (("reader_past", "reader"), ("alert_again", "reader"), ("reader", "id")):
        sql().executemany(f"DELETE FROM delivery_{table} WHERE {column} = ?", keys)


def count_readers() -> int:
    """Return how many readers have confirmed."""
    return int(sql().execute("SELECT count(*) FROM delivery_reader").fetchone()[0])


def insert_asked(address: str, mailbox: str, filter_text: str, at: str) -> None:
    """Keep a sign-up."""
    sql().execute(
        "INSERT INTO delivery_asked (address, mailbox, filter, at) VALUES (?, ?, ?, ?)",
        (address, mailbox, filter_text, at),
    )


def count_asked(mailbox: str | None, after: str) -> int:
    """Return how many sign-ups came after an instant, of one mailbox or of all."""
    where, values = ("mailbox = ? AND", (mailbox,)) if mailbox is not None else ("", ())
    found = sql().execute(f"SELECT count(*) FROM delivery_asked WHERE {where} at > ?", (*values, after))
    return int(found.fetchone()[0])


def read_unmailed(limit: int) -> list[Waiting]:
    """Return the sign-ups that have had no mail, the oldest first."""
    rows = sql().execute(
        "SELECT id, address, filter, at FROM delivery_asked WHERE mailed = 0 ORDER BY id LIMIT ?", (limit,)
    )
    return [Waiting(*row) for row in rows]


def set_digest(asked: int, digest: str) -> None:
    """Keep what a sign-up's token is known by."""
    sql().execute("UPDATE delivery_asked SET digest = ? WHERE id = ?", (digest, asked))


def set_mailed(asked: Iterable[int]) -> None:
    """Say that the mail server has taken the mails of sign-ups, or never will."""
    sql().executemany("UPDATE delivery_asked SET mailed = 1 WHERE id = ?", [(key,) for key in asked])


def find_asked(digest: str) -> Waiting | None:
    """Return the sign-up whose token this is."""
    row = sql().execute("SELECT id, address, filter, at FROM delivery_asked WHERE digest = ?", (digest,)).fetchone()
    return Waiting(*row) if row else None


def remove_asked(asked: int) -> bool:
    """Forget a sign-up; return whether it was there."""
    return bool(sql().execute("DELETE FROM delivery_asked WHERE id = ?", (asked,)).rowcount)


def forget_asked(before: str) -> int:
    """Forget the sign-ups from before an instant; return how many."""
    sql().execute("PRAGMA secure_delete = ON")
    return sql().execute("DELETE FROM delivery_asked WHERE at < ?", (before,)).rowcount


def forget_asked_of(address: str) -> int:
    """Forget the sign-ups of an address; return how many."""
    sql().execute("PRAGMA secure_delete = ON")
    return sql().execute("DELETE FROM delivery_asked WHERE address = ? COLLATE NOCASE", (address,)).rowcount


def read_cursor() -> int | None:
    """Return the last seq that was looked at, None if none was ever."""
    row = sql().execute("SELECT seq FROM delivery_alert_cursor").fetchone()
    return int(row[0]) if row else None


def write_cursor(seq: int) -> None:
    """Say how far the wire was looked at."""
    sql().execute(
        "INSERT INTO delivery_alert_cursor VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq", (seq,)
    )


def insert_alert(seq: int, uri: str, act: Act, choices: Iterable[int]) -> None:
    """Keep a dispatch to mail; `choices` want it who have not got it."""
    sql().execute("INSERT INTO delivery_alert (seq, uri, act) VALUES (?, ?, ?)", (seq, uri, str(act)))
    sql().executemany("INSERT INTO delivery_alert_choice VALUES (?, ?)", [(seq, choice) for choice in choices])


def was_mailed(uri: str) -> bool:
    """Whether any dispatch of an item was to be mailed."""
    return sql().execute("SELECT 1 FROM delivery_alert WHERE uri = ? LIMIT 1", (uri,)).fetchone() is not None


def read_alert(seq: int) -> Alert | None:
    """Return an alert."""
    row = sql().execute("SELECT seq, uri, act, upto FROM delivery_alert WHERE seq = ?", (seq,)).fetchone()
    return Alert(*row) if row else None


def read_open() -> list[Alert]:
    """Return the alerts that are not through: kills and holds first, then in order."""
    rows = sql().execute(
        "SELECT seq, uri, act, upto FROM delivery_alert WHERE done = 0 ORDER BY act NOT IN ('kill', 'hold'), seq"
    )
    return [Alert(*row) for row in rows]


def move_alert(seq: int, upto: int) -> None:
    """Say which reader was mailed last."""
    sql().execute("UPDATE delivery_alert SET upto = max(upto, ?) WHERE seq = ?", (upto, seq))


def end_alert(seq: int) -> None:
    """Say that an alert is through."""
    sql().execute("UPDATE delivery_alert SET done = 1 WHERE seq = ?", (seq,))


def _matched(seq: str) -> str:
    """Whether the reader `r` had, when the alert `seq` came, a choice that wanted it."""
    return (
        f"EXISTS (SELECT 1 FROM delivery_alert_choice c WHERE c.alert = {seq} AND ((c.choice = r.choice "
        f"AND r.since < {seq}) OR EXISTS (SELECT 1 FROM delivery_reader_past p WHERE p.reader = r.id "
        f"AND p.choice = c.choice AND p.since < {seq} AND {seq} <= p.until)))"
    )


_HAD = (
    "EXISTS (SELECT 1 FROM delivery_alert a WHERE a.uri = :uri AND a.seq < :seq AND r.id <= a.upto "
    f"AND {_matched('a.seq')})"
)


def read_recipients(alert: Alert, limit: int, *, fresh: bool) -> list[Recipient]:
    """Return the next readers that an alert goes to, in the order of their ids: who was mailed the item before, and,
    where it may still be news (`fresh`), whose choice wants it.
    """
    wanted = f"OR {_matched(':seq')}" if fresh else ""
    rows = sql().execute(
        f"SELECT r.id, r.address, r.salt, {_HAD} AS had FROM delivery_reader r WHERE r.id > :upto "
        f"AND (had {wanted}) ORDER BY r.id LIMIT :limit",
        {"uri": alert.uri, "seq": alert.seq, "upto": alert.upto, "limit": limit},
    )
    return [Recipient(key, address, salt, bool(had)) for key, address, salt, had in rows]


def put_again(seq: int, reader: int, tries: int, due: str) -> None:
    """Keep a mail to be tried again at an instant."""
    sql().execute(
        "INSERT INTO delivery_alert_again SELECT ?, id, ?, ? FROM delivery_reader WHERE id = ? "
        "ON CONFLICT (alert, reader) DO UPDATE SET tries = excluded.tries, due = excluded.due",
        (seq, tries, due, reader),
    )


def end_again(seq: int, readers: Iterable[int] | None = None) -> None:
    """Try mails of an alert no more, of some readers or of all."""
    if readers is None:
        sql().execute("DELETE FROM delivery_alert_again WHERE alert = ?", (seq,))
    else:
        sql().executemany(
            "DELETE FROM delivery_alert_again WHERE alert = ? AND reader = ?", [(seq, key) for key in readers]
        )


def read_again(now: str, limit: int) -> tuple[Alert, list[Recipient]] | None:
    """Return an alert and the readers whose mails of it are due again, None if none is."""
    row = sql().execute(
        "SELECT a.seq, a.uri, a.act, a.upto FROM delivery_alert_again g JOIN delivery_alert a ON a.seq = g.alert "
        "WHERE g.due <= ? ORDER BY a.act NOT IN ('kill', 'hold'), g.due LIMIT 1",
        (now,),
    ).fetchone()  # fmt: skip
    if row is None:
        return None
    alert = Alert(*row)
    rows = sql().execute(
        f"SELECT r.id, r.address, r.salt, {_HAD} AS had, g.tries FROM delivery_alert_again g "
        "JOIN delivery_reader r ON r.id = g.reader WHERE g.alert = :seq AND g.due <= :now ORDER BY r.id LIMIT :limit",
        {"uri": alert.uri, "seq": alert.seq, "now": now, "limit": limit},
    )
    return alert, [Recipient(key, address, salt, bool(had), tries) for key, address, salt, had, tries in rows]


def set_refused(reader: int, at: str) -> Reader | None:
    """Count a refusal of an address; `at` counts if it is the first in a row. Return the reader."""
    sql().execute(
        "UPDATE delivery_reader SET refused = refused + 1, refused_at = iif(refused = 0, ?, refused_at) WHERE id = ?",
        (at, reader),
    )
    return read_reader(reader)


def clear_refused(readers: Iterable[int]) -> None:
    """Say that addresses take mail."""
    sql().executemany(
        "UPDATE delivery_reader SET refused = 0, refused_at = '' WHERE id = ? AND refused > 0",
        [(key,) for key in readers],
    )
