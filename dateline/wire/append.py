"""append: the one door into the wire.

Under one lock and in one transaction: the rule decides (`dateline.news.acts`), the next seq is
taken, the row written, the tree grown, its head signed. What `append` returned is on the disk.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from django.conf import settings

from dateline.news.acts import OPENING, Act, next_item
from dateline.news.agency import Agency
from dateline.news.codes import parse_instant, rfc3339
from dateline.news.counting import dispatches
from dateline.news.errors import ActRefused
from dateline.news.formats import ninjs
from dateline.news.item import NewsItem
from dateline.wire import bell, store
from dateline.wire.dispatch import SALT_BYTES, Dispatch, leaf_of
from dateline.wire.errors import UnknownItem, WireError
from dateline.wire.keys import load_signer
from dateline.wire.lock import held
from dateline.wire.merkle import TILE_WIDTH, grow, root_of
from dateline.wire.note import Checkpoint, Signer
from dateline.wire.remembered import remembered_path, remembered_size
from dateline.wire.tree import complete_tiles


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What a producer hands to the wire: an act, and what the act needs.

    `item` for acts with content, `uri` for the others; `note` becomes the item's ednote (for a kill
    or a hold it is the advisory); `by_clock` marks the release that an embargo's instant brings;
    `whole` that the item's empty fields are meant to be empty.
    """

    act: Act
    item: NewsItem | None = None
    uri: str = ""
    note: str = ""
    by_clock: bool = False
    whole: bool = False


def append(
    act: Act,
    item: NewsItem | None = None,
    *,
    uri: str = "",
    note: str = "",
    by_clock: bool = False,
    whole: bool = False,
) -> Dispatch:
    """Append one dispatch and return it.

    Raises ActRefused or BadItem where a rule forbids it, UnknownItem for a uri that is not on the
    wire; then nothing was written. Inside `transaction.atomic` it joins that transaction.
    """
    return append_all([Submission(act=act, item=item, uri=uri, note=note, by_clock=by_clock, whole=whole)])[0]


def append_all(submissions: Iterable[Submission]) -> list[Dispatch]:
    """Append several dispatches in one transaction (one fsync), all or none of them."""
    agency: Agency = settings.AGENCY
    signer = load_signer(f"{settings.DATELINE_HOME}/keys", agency.origin)
    appended: list[Dispatch] = []
    with held():
        head = store.read_head()
        _check_continues(head, agency, signer)
        for submission in submissions:
            now = datetime.now(UTC)
            if head.sent and now < (last := parse_instant(head.sent)):
                now = last  # the clock was set back: `sent` never decreases
            dispatch = _append_one(submission, head, now, agency)
            frontier = tuple(grow(head.frontier, head.seq, dispatch.leaf))
            head = store.Head(dispatch.seq, dispatch.sent, frontier)
            if head.seq % TILE_WIDTH == 0:
                complete_tiles(head.seq)
            appended.append(dispatch)
        if appended:
            checkpoint = Checkpoint(agency.origin, head.seq, root_of(head.frontier))
            store.write_head(msgspec.structs.replace(head, checkpoint=signer.sign(checkpoint.text())))
    if appended:
        # What is committed is committed: a bell that cannot ring must not make it look otherwise.
        store.connection().on_commit(bell.ring, robust=True)
    return appended


def _check_continues(head: store.Head, agency: Agency, signer: Signer) -> None:
    """Refuse to sign a second history: under another name, or from before what was signed already."""
    origin = head.checkpoint.partition("\n")[0]
    if origin and origin != agency.origin:
        raise WireError(
            f"This wire is {origin}, but DATELINE_DOMAIN says {agency.domain}. Set it to the wire's own domain.", origin
        )
    if origin and not signer.has_signed(head.checkpoint):
        raise WireError(
            f"The key in {settings.DATELINE_HOME / 'keys'} is not the one that signed this wire; put that one back.",
            origin,
        )
    if (seen := remembered_size()) > head.seq:
        raise WireError(
            f"The database holds {dispatches(head.seq)}, but {seen} were signed: it was lost or rolled back, and "
            f"nothing is appended to it. Restore it; if you mean to go on from here, remove {remembered_path()}.",
            head.seq,
        )


def _append_one(submission: Submission, head: store.Head, now: datetime, agency: Agency) -> Dispatch:
    uri = submission.uri or (submission.item.uri if submission.item else "")
    state = store.read_state(uri) if uri else None
    if state is None and submission.act not in OPENING:
        raise UnknownItem(f"No item on the wire has the uri {uri!r}. `dateline status` lists the latest.", uri)
    if state is not None and state.act == Act.ADVISORY:
        raise ActRefused(f"{uri} is an advisory; it went out and nothing follows it. Send another.", uri)
    before = store.read_item(state.seq) if state else None
    item = _next(submission, before, now, agency)
    while before is None and store.is_taken(item.uri, item.path):
        if store.read_state(item.uri) is not None:
            item = _next(submission, before, now, agency)  # minted, and another's by a very small chance
        else:
            item = msgspec.structs.replace(item, path=f"{item.path.rstrip('/')}-{head.seq + 1}/")
    data = ninjs.encode(item)
    seq, sent, salt = head.seq + 1, rfc3339(now, micros=True), os.urandom(SALT_BYTES)
    leaf = leaf_of(seq, sent, submission.act, item.uri, item.version, data, salt)
    dispatch = Dispatch(seq, sent, submission.act, item.uri, item.version, data, salt, leaf)
    store.insert_dispatch(dispatch, state_after(dispatch, item))
    return dispatch


def _next(submission: Submission, before: NewsItem | None, now: datetime, agency: Agency) -> NewsItem:
    return next_item(
        submission.act, before, submission.item, note=submission.note, now=now, agency=agency,
        by_clock=submission.by_clock, whole=submission.whole,
    )  # fmt: skip


def state_after(dispatch: Dispatch, item: NewsItem) -> store.ItemState:
    """Return where a dispatch leaves its item."""
    return store.ItemState(
        uri=item.uri,
        path=item.path,
        seq=dispatch.seq,
        act=str(dispatch.act),
        version=item.version,
        pubstatus=str(item.pubstatus),
        embargoed=rfc3339(item.embargoed, micros=True) if item.embargoed else None,
    )


def release_due() -> tuple[list[Dispatch], timedelta | None]:
    """Release every item whose embargo's instant has come.

    Returns the dispatches and how long it is until the next instant, None if no embargo waits.
    Called by the running server; two servers do no harm, the rule lets only one release each.
    """
    now = datetime.now(UTC)
    due: list[str] = []
    wait: timedelta | None = None
    for embargoed, uri in store.read_embargoes():
        instant = parse_instant(embargoed)
        if instant > now:
            wait = instant - now
            break
        due.append(uri)
    if not due:
        return [], wait
    try:
        return append_all(_lift(uri) for uri in due), wait
    except ActRefused:
        return _release_each(due), wait


def _lift(uri: str) -> Submission:
    return Submission(act=Act.RELEASE, uri=uri, by_clock=True)


def _release_each(uris: list[str]) -> list[Dispatch]:
    """Release one by one, where another process released, held or killed one of them in this moment."""
    released: list[Dispatch] = []
    for uri in uris:
        try:
            released += append_all([_lift(uri)])
        except ActRefused:
            continue
    return released
