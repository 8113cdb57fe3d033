"""The log: order, gaplessness, the acts' rules, proofs, and what the database itself refuses."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hyp
from hypothesis import strategies as st

from dateline.news.acts import Act
from dateline.news.errors import ActRefused, BadItem, NewsError
from dateline.news.item import NewsItem, PubStatus
from dateline.wire import merkle, store, tree
from dateline.wire.append import Submission, append, append_all, release_due
from dateline.wire.bell import Bell
from dateline.wire.errors import NotVerified, UnknownItem, WireError
from dateline.wire.export import export_item, export_wire
from dateline.wire.keys import load_signer, make_keys
from dateline.wire.verify import read_verifier, remember, verify_lines, verify_wire

pytestmark = pytest.mark.usefixtures("home")


def story(headline: str = "Harbour reopens", **fields: object) -> NewsItem:
    return NewsItem(headline=headline, body="<p>The harbour reopened.</p>", section="Economy", **fields)  # type: ignore[arg-type]


def publish(headline: str = "Harbour reopens", **fields: object) -> str:
    return append(Act.PUBLISH, story(headline, **fields)).uri


def test_the_first_dispatch_has_seq_1_and_version_1() -> None:
    dispatch = append(Act.PUBLISH, story())
    assert (dispatch.seq, dispatch.version, dispatch.news.pubstatus) == (1, 1, PubStatus.USABLE)
    assert store.read_rows(0, 10) == [dispatch]


@pytest.mark.parametrize("act", [Act.UPDATE, Act.CORRECT, Act.REFILE, Act.HOLD, Act.RELEASE, Act.KILL])
def test_nothing_follows_what_was_never_published(act: Act) -> None:
    with pytest.raises(UnknownItem):
        append(act, story(uri="tag:x.example,2026:nothing"), uri="tag:x.example,2026:nothing", note="why")
    assert store.head_seq() == 0


@pytest.mark.parametrize("act", [Act.UPDATE, Act.CORRECT, Act.REFILE, Act.HOLD, Act.RELEASE, Act.KILL, Act.PUBLISH])
def test_nothing_lives_after_a_kill(act: Act) -> None:
    uri = publish()
    append(Act.KILL, uri=uri, note="Withdrawn: the source denies it.")
    with pytest.raises(ActRefused):
        append(act, story(uri=uri), uri=uri, note="why")
    assert store.head_seq() == 2


def test_a_kill_carries_no_text_any_more() -> None:
    uri = publish()
    item = append(Act.KILL, uri=uri, note="Withdrawn.").news
    assert (item.pubstatus, item.body, item.ednote) == (PubStatus.CANCELED, "", "Withdrawn.")


@pytest.mark.parametrize("act", [Act.UPDATE, Act.CORRECT, Act.REFILE, Act.HOLD, Act.KILL])
def test_these_acts_say_why_or_are_refused(act: Act) -> None:
    uri = publish()
    with pytest.raises(ActRefused, match="note"):
        append(act, story(uri=uri), uri=uri, note="  ")


def test_a_held_item_is_corrected_released_or_killed_and_nothing_else() -> None:
    uri = publish()
    append(Act.HOLD, uri=uri, note="Checking a figure.")
    for act in (Act.UPDATE, Act.REFILE, Act.HOLD):
        with pytest.raises(ActRefused):
            append(act, story(uri=uri), uri=uri, note="why")
    assert append(Act.CORRECT, story("Harbour stays shut", uri=uri), note="It is shut.").news.is_public


def test_a_revision_keeps_what_it_does_not_give() -> None:
    uri = append(Act.PUBLISH, story(urgency=2, slugline="HARBOUR")).uri
    item = append(Act.UPDATE, NewsItem(uri=uri, body="<p>More.</p>"), note="Adds a quote.").news
    assert (item.headline, item.urgency, item.slugline, item.section) == (
        "Harbour reopens",
        2,
        "HARBOUR",
        "Economy",
    )
    assert item.version == 2


def test_an_embargo_is_lifted_by_its_instant_or_by_an_explicit_release_only() -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    uri = publish(embargoed=soon)
    assert not store.read_dispatch(1).news.is_public  # type: ignore[union-attr]
    assert not append(Act.UPDATE, story(uri=uri), note="More.").news.is_public
    with pytest.raises(ActRefused):
        append(Act.RELEASE, uri=uri, by_clock=True)
    assert release_due()[0] == []
    lifted = append(Act.RELEASE, uri=uri).news
    assert lifted.is_public and lifted.content_created is not None
    with pytest.raises(ActRefused, match="public already"):
        append(Act.UPDATE, story(uri=uri, embargoed=soon), note="Again.")


def test_lifting_a_hold_leaves_an_embargo_in_force() -> None:
    uri = publish(embargoed=datetime.now(UTC) + timedelta(hours=1))
    append(Act.HOLD, uri=uri, note="Checking.")
    assert release_due() == ([], None)
    assert not append(Act.RELEASE, uri=uri).news.is_public
    assert append(Act.RELEASE, uri=uri).news.is_public


def test_an_embargo_in_the_past_is_refused_with_a_sentence() -> None:
    with pytest.raises(ActRefused, match="past"):
        publish(embargoed=datetime.now(UTC) - timedelta(days=300))


def test_archived_items_need_their_own_date() -> None:
    with pytest.raises(ActRefused, match="own date"):
        append(Act.ARCHIVE, story())
    day = datetime(2017, 4, 13, 14, 14, tzinfo=UTC)
    item = append(Act.ARCHIVE, story(content_created=day)).news
    assert item.content_created == day and item.path.startswith("/2017/04/13/")


def test_two_items_never_share_an_address() -> None:
    first, second = (append(Act.PUBLISH, story(uri=uri)) for uri in ("urn:a:000000000001", "tag:b,1:000000000001"))
    assert first.news.path != second.news.path


def test_a_new_item_never_takes_the_uri_of_another_that_was_minted_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = iter([7, 7, 7, 8])
    letters = len(publish("Ferry sails").rpartition(":")[2]) - 1
    monkeypatch.setattr(os, "urandom", lambda count: bytes([next(chance) if count == letters else 0]) * count)
    first, second = publish("Harbour reopens"), publish("Storm passes")
    assert first != second and len(store.read_versions(first)) == 1
    assert store.read_item(2).headline == "Harbour reopens" and store.read_item(3).headline == "Storm passes"


def test_an_advisory_has_no_sequel() -> None:
    uri = append(Act.ADVISORY, story("Editors: storm coverage plan")).uri
    with pytest.raises(ActRefused, match="advisory"):
        append(Act.UPDATE, story(uri=uri), note="More.")


def test_bad_content_is_refused_and_leaves_nothing() -> None:
    for item in (NewsItem(body="<p>No headline.</p>"), story(urgency=12), story("x" * 501)):
        with pytest.raises(BadItem):
            append(Act.PUBLISH, item)
    assert store.head_seq() == 0


def test_several_dispatches_are_appended_all_or_none() -> None:
    with pytest.raises(NewsError):
        append_all([Submission(act=Act.PUBLISH, item=story()), Submission(act=Act.PUBLISH, item=NewsItem())])
    assert (store.head_seq(), store.read_rows(0, 5)) == (0, [])


def test_an_append_joins_the_transaction_around_it() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        publish()
        raise RuntimeError("the desk failed after the append")
    assert store.head_seq() == 0
    assert append(Act.PUBLISH, story()).seq == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wire_dispatch SET item = x'00' WHERE seq = 1",
        "DELETE FROM wire_dispatch WHERE seq = 2",
        "INSERT OR REPLACE INTO wire_dispatch SELECT 1, sent, act, uri, version, item, salt, leaf FROM wire_dispatch",
        "INSERT INTO wire_dispatch SELECT 9, sent, act, 'u', 1, item, salt, leaf FROM wire_dispatch WHERE seq = 1",
        "UPDATE wire_head SET seq = 1",
        "DELETE FROM wire_head",
    ],
)
def test_the_database_itself_refuses_to_change_the_log(statement: str) -> None:
    publish()
    publish("Another")
    with pytest.raises(sqlite3.IntegrityError):
        store.sql().execute(statement)
    assert verify_wire(read_verifier()).dispatches == 2


def fill(count: int) -> None:
    append_all([Submission(act=Act.PUBLISH, item=story(f"Story {number}")) for number in range(count)])


def test_proofs_and_tiles_hold_across_full_tiles() -> None:
    fill(256 + 256 + 70)
    leaves = [row.leaf for row in store.iterate()]
    root = merkle.root_of_leaves(leaves)
    size = len(leaves)
    assert tree.root(size) == root == merkle.root_of(store.read_head().frontier)
    for seq in (1, 2, 255, 256, 257, 512, 513, size):
        assert merkle.check_inclusion(seq - 1, size, leaves[seq - 1], tree.inclusion(seq), root)
        assert not merkle.check_inclusion(seq - 1, size, leaves[0 if seq > 1 else 1], tree.inclusion(seq), root)
    for old in (1, 3, 255, 256, 300, 512, size):
        old_root = merkle.root_of_leaves(leaves[:old])
        assert merkle.check_consistency(old, size, old_root, root, tree.consistency(old))
    assert tree.read_tile(0, 2, 70) == leaves[512:]
    assert tree.read_tile(1, 0, 2) == [
        merkle.root_of_leaves(leaves[:256]),
        merkle.root_of_leaves(leaves[256:512]),
    ]
    assert tree.read_tile(0, 2, 71) is None and tree.read_tile(2, 0, 1) is None
    assert verify_wire(read_verifier()).dispatches == size


def tamper(*statements: str) -> None:
    """Change the database as someone with full access to the file would."""
    raw = store.sql()
    triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        raw.execute(statement)
    for _, text in triggers:
        raw.execute(text)


@pytest.mark.parametrize(
    ("statements", "where"),
    [
        (
            ["UPDATE wire_dispatch SET item = replace(CAST(item AS TEXT), 'Story 2', 'Story 9') WHERE seq = 3"],
            "eq 3",
        ),
        (["UPDATE wire_dispatch SET sent = '2026-01-01T00:00:00.000000Z' WHERE seq = 4"], "eq 4"),
        (["UPDATE wire_dispatch SET act = 'kill' WHERE seq = 2"], "eq 2"),
        (
            [
                "UPDATE wire_dispatch SET seq = -1 WHERE seq = 2",
                "UPDATE wire_dispatch SET seq = 2 WHERE seq = 3",
                "UPDATE wire_dispatch SET seq = 3 WHERE seq = -1",
            ],
            "eq 2",
        ),
        (["DELETE FROM wire_dispatch WHERE seq > 5"], "ends at seq 5"),
        (["DELETE FROM wire_dispatch WHERE seq = 3"], "After seq 2"),
        (["UPDATE wire_item SET pubstatus = 'withheld'"], "state kept"),
    ],
)
def test_verify_finds_tampering_and_says_where(statements: list[str], where: str) -> None:
    fill(8)
    verify_wire(read_verifier())
    statements = [
        s.replace(
            "= replace(CAST(item AS TEXT), 'Story 2', 'Story 9')",
            "= CAST(replace(CAST(item AS TEXT), 'Story 2', 'Story 9') AS BLOB)",
        )
        for s in statements
    ]
    tamper(*statements)
    with pytest.raises(NotVerified, match=where):
        verify_wire(read_verifier())


def test_verify_finds_a_change_whose_leaf_was_recomputed() -> None:
    fill(300)
    for seq, where in ((7, "Seq 7 "), (290, "seq 257 to 300")):
        row = store.read_dispatch(seq)
        assert row is not None
        forged = type(row)(
            row.seq,
            row.sent,
            row.act,
            row.uri,
            row.version,
            row.item.replace(b"harbour", b"airport"),
            row.salt,
            b"",
        )
        with transaction.atomic():
            raw = store.sql()
            raw.execute("DROP TRIGGER wire_dispatch_is_never_updated")
            raw.execute(
                "UPDATE wire_dispatch SET item = ?, leaf = ? WHERE seq = ?",
                (forged.item, forged.computed_leaf(), seq),
            )
            with pytest.raises(NotVerified, match=where):
                verify_wire(read_verifier())
            transaction.set_rollback(True)
    assert verify_wire(read_verifier()).dispatches == 300


def test_verify_finds_a_log_that_was_rolled_back_with_its_head() -> None:
    fill(3)
    head = store.read_head()
    fill(2)
    verify_wire(read_verifier())
    tamper(
        "DELETE FROM wire_dispatch WHERE seq > 3",
        "DELETE FROM wire_head",
        "DELETE FROM wire_item WHERE seq > 3",
    )
    store.write_head(head)
    with pytest.raises(NotVerified, match="rolled back"):
        verify_wire(read_verifier())


def test_verify_with_a_wrong_key_fails(tmp_path_factory: pytest.TempPathFactory) -> None:
    fill(2)
    other = tmp_path_factory.mktemp("other")
    make_keys(other, "tidewater.example/wire")
    with pytest.raises(NotVerified, match="wrong key"):
        verify_wire(read_verifier(str(other / "wire.pub")))


def test_an_export_verifies_offline_from_any_seq() -> None:
    fill(300)
    for first in (1, 2, 256, 257, 300):
        lines = list(export_wire(first))
        assert verify_lines(lines, read_verifier()).dispatches == 301 - first
    with pytest.raises(WireError):
        list(export_wire(301))


def test_a_changed_export_fails() -> None:
    fill(6)
    good = list(export_wire())
    changed = [line.replace(b"Story 3", b"Story 4") for line in good]
    swapped = [*good[:2], good[3], good[2], *good[4:]]
    for lines in (changed, swapped, good[:-2] + good[-1:], good[:-1], good[:3] + good[4:], [*good, good[1]]):
        with pytest.raises(NotVerified):
            verify_lines(lines, read_verifier())


def test_a_saved_item_verifies_alone() -> None:
    fill(5)
    uri = store.read_dispatch(3).uri  # type: ignore[union-attr]
    append(Act.CORRECT, story(uri=uri), note="It was wrong.")
    fill(3)
    saved = export_item(store.read_versions(uri))
    assert verify_lines(saved.splitlines(), read_verifier()).dispatches == 2
    with pytest.raises(NotVerified, match="eq 6"):
        verify_lines(saved.replace(b"It was wrong", b"It was right").splitlines(), read_verifier())


_ACTS = st.lists(st.tuples(st.sampled_from(list(Act)), st.integers(0, 4), st.sampled_from(["", "why"])), max_size=25)


@hyp(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=_ACTS)
def test_random_acts_keep_every_promise_of_the_log(plan: list[tuple[Act, int, str]]) -> None:
    """Whatever is tried, what is on the wire is gapless, ordered, lawful and provable."""
    with transaction.atomic():
        begin = store.head_seq()
        killed: set[str] = set()
        expected = begin
        for act, number, note in plan:
            uri = f"tag:tidewater.example,2026:{begin}-{number}"
            given_item = story(uri=uri, content_created=datetime(2020, 1, 1, tzinfo=UTC))
            try:
                dispatch = append(act, given_item, uri=uri, note=note)
            except (NewsError, WireError):
                continue
            expected += 1
            assert dispatch.seq == expected and uri not in killed
            if act is Act.KILL:
                killed.add(uri)
        rows = store.read_rows(begin, 1000)
        assert [row.seq for row in rows] == list(range(begin + 1, expected + 1))
        assert [row.sent for row in rows] == sorted(row.sent for row in rows)
        everything = list(store.iterate())
        root = merkle.root_of_leaves([row.leaf for row in everything])
        assert not everything or read_verifier().open(store.read_head().checkpoint).root == root
        for row in rows:
            assert merkle.check_inclusion(row.seq - 1, len(everything), row.leaf, tree.inclusion(row.seq), root)
        transaction.set_rollback(True)
    assert connection.in_atomic_block is False


def test_a_bell_whose_follower_has_gone_does_not_make_an_append_look_failed(home: Path) -> None:
    run = home / "run"
    run.mkdir()
    os.mkfifo(run / "bell-1-1")  # nobody reads it
    with Bell() as bell:
        publish()
        assert bell.wait(1)
    assert not list(run.iterdir()) and store.head_seq() == 1


def test_verify_finds_a_wiped_wire_and_a_changed_frontier_and_changed_tiles(home: Path) -> None:
    fill(260)
    verify_wire(read_verifier())
    for statement in (
        "UPDATE wire_head SET frontier = zeroblob(length(frontier))",
        "UPDATE wire_head SET sent = '2020-01-01T00:00:00.000000Z'",
        "UPDATE wire_tile SET root = zeroblob(32)",
    ):
        with transaction.atomic():
            tamper(statement)
            with pytest.raises(NotVerified):
                verify_wire(read_verifier())
            transaction.set_rollback(True)
    tamper(*(f"DELETE FROM {table}" for table in ("wire_dispatch", "wire_head", "wire_item", "wire_tile")))
    with pytest.raises(NotVerified, match="wiped"):
        verify_wire(read_verifier())


def test_the_evidence_of_a_roll_back_is_not_overwritten(home: Path) -> None:
    fill(3)
    head = store.read_head()
    fill(2)
    remember(store.read_head().checkpoint)
    tamper("DELETE FROM wire_dispatch WHERE seq > 3", "DELETE FROM wire_head", "DELETE FROM wire_item WHERE seq > 3")
    store.write_head(head)
    with pytest.raises(WireError, match="rolled back"):
        fill(3)  # nobody signs a second history
    with pytest.raises(NotVerified, match="rolled back"):
        remember(store.read_head().checkpoint)
    with pytest.raises(NotVerified, match="rolled back"):
        verify_wire(read_verifier())


def test_another_domain_does_not_sign_this_wire(settings: Any) -> None:
    fill(1)
    settings.AGENCY = msgspec.structs.replace(settings.AGENCY, domain="other.example")
    with pytest.raises(WireError, match="DATELINE_DOMAIN"):
        fill(1)


@pytest.mark.parametrize(
    "first",
    [b'{"wire":"x","from":0,"frontier":[]}', b'{"wire":"x","from":7,"frontier":[]}', b'{"wire":"\xff"', b"\x00"],
)
def test_a_forged_export_gets_a_sentence(home: Path, first: bytes) -> None:
    fill(3)
    with pytest.raises(NotVerified):
        verify_lines([first, *list(export_wire())[1:]], read_verifier())


def test_many_embargoes_of_one_instant_are_lifted_together(home: Path) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    uris = [publish(f"Story {number}", embargoed=soon) for number in range(50)]
    append(Act.HOLD, uri=uris[0], note="Checking.")
    while datetime.now(UTC) < soon:
        assert release_due()[0] == []
    released, wait = release_due()
    assert [row.uri for row in released] == uris[1:] and wait is None


def test_an_uri_or_a_language_that_is_none_is_refused() -> None:
    for item in (story(uri="no uri\x07"), story(uri="tag:x,1:\x0bx"), story(language="e\x07n")):
        with pytest.raises(BadItem):
            append(Act.PUBLISH, item)
    assert append(Act.PUBLISH, story("A\x07 bell\x0b rings", byline="Wor\x08ld")).news.headline == "A bell rings"


def test_a_key_that_did_not_sign_this_wire_does_not_go_on_signing_it(home: Path) -> None:
    fill(1)
    (home / "keys" / "wire.key").unlink()
    make_keys(home / "keys", "tidewater.example/wire")
    load_signer.cache_clear()
    with pytest.raises(WireError, match="not the one that signed"):
        fill(1)
    load_signer.cache_clear()


def test_an_idle_embargo_clock_rings_no_bell() -> None:
    with Bell() as bell:
        assert release_due() == ([], None)
        append_all([])
        assert not bell.wait(0.05)


def test_an_item_is_found_by_its_uri_its_address_and_the_id_at_the_end_of_either() -> None:
    for year, domain in ((1987, "tidewater.example"), (2026, "tidewater.example"), (2026, "ebb.example")):
        for number in range(3):
            publish(uri=f"tag:{domain},{year}:{number}{year}{domain[0]}bcdefg")
    assert len(publish().rpartition(":")[2]) == 13  # those above are as earlier releases minted them
    foreign = append(Act.PUBLISH, story(uri="urn:newsml:ebb.example:20260413:harbour")).news
    for dispatch in store.read_rows(0, 20):
        item = dispatch.news
        for text in (item.uri, item.path, item.path.rstrip("/"), item.path.rstrip("/").rpartition("-")[2]):
            assert store.find_uri(text) == item.uri
    assert store.find_uri(foreign.path.rstrip("/").rpartition("-")[2]) == foreign.uri
    assert store.find_uri("0" * 12) is None and store.find_uri("nothing") is None and store.find_uri("") is None
