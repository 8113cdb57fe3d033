"""The client of a wire: `dateline follow`. Receives, checks, hands on (`sinks`); its own cursor moves last.

Every dispatch is proved against a signed head, and every head continues the last one. `prev` is the wire's word, not
signed: it shows what was lost by accident; who stands between could leave a dispatch out, and nothing else.

It asks page by page and waits for the next dispatch; what is many pages behind catches up by one replay.
"""

import base64
import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from dateline.delivery.asking import NDJSON
from dateline.delivery.sinks import Line, Sink
from dateline.delivery.write_whole import write_whole
from dateline.news.counting import dispatches
from dateline.wire.dispatch import leaf_of_digest
from dateline.wire.errors import NotVerified
from dateline.wire.merkle import check_consistency, check_inclusion
from dateline.wire.note import Checkpoint, Verifier

_WAIT_S = 50
_LIMIT = 200
# How often a cursor is noted in a replay: what a crash brings once more is no longer, and a disk forces some hundred
# writes in that time.
_TOGETHER_S = 1.0
# Between attempts while the wire cannot be reached, doubled up to the longest.
_FIRST_S, _LONGEST_S = 0.5, 30.0


class State(msgspec.Struct):
    """Where the client is: its cursor, and the signed head that it saw last."""

    wire: str = ""
    cursor: int = 0
    checkpoint: str = ""
    # Stubs that were received, by the seq of the kill or hold that they name: it has to come.
    owed: dict[int, str] = {}


class Answer(msgspec.Struct):
    """An answer of `/api/wire`."""

    wire: str
    head: int
    next: int
    dispatches: list[msgspec.Raw]
    checkpoint: str = ""


class Refused(Exception):
    """The wire answered that it will not serve this client; trying again changes nothing."""


class Follower:
    """Follows a wire from where `state` says, into a sink."""

    def __init__(
        self, url: str, token: str, verifier: Verifier, state_path: Path, sink: Sink, *, headlines: bool = False
    ) -> None:
        self._headlines = headlines
        self._verifier = verifier
        self._path = state_path
        self._sink = sink
        self._replays = sink.in_bulk
        self._opened: tuple[str, Checkpoint] | None = None
        self.state = _read_state(state_path)
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}", "User-Agent": "dateline-follow"},
            timeout=_WAIT_S + 20, follow_redirects=False,
        )  # fmt: skip

    def run(self, *, once: bool = False, told: Callable[[str], None] = lambda text: None) -> None:
        """Follow until stopped; `once`: until the head. Raises Refused, NotVerified, NotTaken."""
        wait_s = _FIRST_S
        while True:
            try:
                received = self._step(0 if once else _WAIT_S)
                wait_s = _FIRST_S
                if received == _LIMIT and self._replays:
                    self._catch_up()
            except httpx.HTTPError as error:
                told(f"The wire cannot be reached ({error or type(error).__name__}); trying again in {wait_s:g} s.")
                time.sleep(wait_s)
                wait_s = min(_LONGEST_S, wait_s * 2)
                continue
            if once and not received:
                return

    def _step(self, wait_s: int) -> int:
        """Ask once; return how many dispatches came."""
        answer = self._ask(wait_s)
        raws = [bytes(raw) for raw in answer.dispatches]
        lines = [_line_of(raw) for raw in raws]
        if answer.checkpoint:
            self._check_head(answer.checkpoint)
        for line, raw in zip(lines, raws, strict=True):
            self._take(line, raw, answer.wire, answer.checkpoint)
            self._note()
        return len(lines)

    def _ask(self, wait_s: int) -> Answer:
        query: dict[str, Any] = {"after": self.state.cursor, "limit": _LIMIT, "wait": wait_s, "proof": 1}
        if self.state.wire:
            query["wire"] = self.state.wire
        response = self._http.get("/api/wire", params=query)
        _check_answer(response)
        try:
            return msgspec.json.decode(response.content, type=Answer)
        except msgspec.DecodeError as error:
            raise Refused(f"What answers at {self._http.base_url} is no wire: {error}.") from error

    def _catch_up(self) -> None:
        """Take all that there is by one request. Where that is cut, what came whole is noted."""
        checkpoint, noted = "", time.monotonic()
        try:
            for raw in self._replay():
                line = _line_of(raw)
                if line.checkpoint:
                    self._check_head(line.checkpoint)
                checkpoint = line.checkpoint or checkpoint
                if not checkpoint:
                    self._replays = False  # an older wire, which names none in a replay
                    break
                self._take(line, raw, self.state.wire, checkpoint)
                if time.monotonic() - noted > _TOGETHER_S:
                    self._note()
                    noted = time.monotonic()
        except (httpx.HTTPError, NotVerified, Refused):
            self._note()
            raise
        self._note()

    def _replay(self) -> Iterator[bytes]:
        """Yield the lines after the cursor. Raises httpx.HTTPError where they do not come to their end."""
        query: dict[str, Any] = {"after": self.state.cursor, "proof": 1, "wire": self.state.wire}
        with self._http.stream("GET", "/api/wire", params=query, headers={"Accept": NDJSON}) as response:
            if not response.is_success:
                response.read()
            _check_answer(response)
            rest = b""
            for part in response.iter_bytes():
                *lines, rest = (rest + part).split(b"\n")
                yield from lines
            if rest:
                raise httpx.RemoteProtocolError("the last line was cut off")

    def _check_head(self, checkpoint: str) -> None:
        """Check that the signed head is the agency's, and continues the one that was seen before."""
        point = self._open(checkpoint)
        before = self._verifier.open(self.state.checkpoint) if self.state.checkpoint else None
        if before is None or before.root == point.root:
            return
        if before.size > point.size:
            raise NotVerified(
                f"The wire showed {dispatches(before.size)} before and {point.size} now: it was rolled back.",
                point.size,
            )
        response = self._http.get("/api/consistency", params={"old": before.size, "new": point.size})
        response.raise_for_status()
        proof = [bytes.fromhex(part) for part in msgspec.json.decode(response.content)["proof"]]
        if not check_consistency(before.size, point.size, before.root, point.root, proof):
            raise NotVerified("The wire does not continue the one that was followed until now: it was rewritten.")

    def _check(self, line: Line, checkpoint: str) -> None:
        """Check that nothing is missing before a dispatch, and that it is what the agency signed."""
        if line.seq <= self.state.cursor:
            raise NotVerified(f"Seq {line.seq} came again after {self.state.cursor}.", line.seq)
        if line.prev != self.state.cursor:
            raise NotVerified(
                f"Seq {line.seq} follows {line.prev}, but {self.state.cursor} was received last: one is missing.",
                line.prev,
            )
        if line.headlines and not self._headlines:
            raise NotVerified(f"Seq {line.seq} comes without its text; --headlines takes that.", line.seq)
        bare = line.withdrawn or line.embargoed or line.headlines
        digest = line.digest if bare else hashlib.sha256(bytes(line.item)).hexdigest()
        point = self._open(checkpoint)
        try:
            salt, path = base64.b64decode(line.salt), [base64.b64decode(part) for part in line.proof]
        except ValueError as error:
            raise NotVerified(f"The proof of seq {line.seq} is not base64.", line.seq) from error
        leaf = leaf_of_digest(line.seq, line.sent, line.act, line.uri, line.version, digest, salt)
        if not check_inclusion(line.seq - 1, point.size, leaf, path, point.root):
            raise NotVerified(f"Seq {line.seq} is not what {point.origin} signed.", line.seq)

    def _take(self, line: Line, raw: bytes, wire: str, checkpoint: str) -> None:
        self._check(line, checkpoint)
        self._sink.take(line, _stub_of(line) if line.withdrawn or line.embargoed else _without_proof(raw))
        self._move(line, wire, checkpoint)

    def _move(self, line: Line, wire: str, checkpoint: str) -> None:
        owed = dict(self.state.owed)
        if line.withdrawn:
            owed[line.withdrawn] = line.uri
        # The dispatch that took a text away comes itself, or the text was only kept from us.
        if (due := owed.pop(line.seq, None)) is not None and (line.act not in ("kill", "hold") or line.uri != due):
            raise NotVerified(f"Seq {line.seq} was to withdraw {due}, and does not.", line.seq)
        if late := [seq for seq in owed if seq < line.seq]:
            raise NotVerified(f"Seq {late[0]} was to withdraw {owed[late[0]]}, and never came.", late[0])
        self.state = State(wire, line.seq, checkpoint or self.state.checkpoint, owed)

    def _note(self) -> None:
        """Have what was taken be safe, then the cursor."""
        self._sink.keep()
        write_whole(self._path, msgspec.json.encode(self.state))

    def _open(self, checkpoint: str) -> Checkpoint:
        """Return a signed head; a signature is looked at once. Raises NotVerified."""
        if self._opened is None or self._opened[0] != checkpoint:
            self._opened = (checkpoint, self._verifier.open(checkpoint))
        return self._opened[1]


def _check_answer(response: httpx.Response) -> None:
    """Raise Refused for an answer that will not change, httpx.HTTPError for one that may, when it has waited."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        asked = response.headers.get("Retry-After", "")
        time.sleep(min(_LONGEST_S, float(asked)) if asked.isascii() and asked.isdigit() else _FIRST_S)
        response.raise_for_status()
    if not response.is_success:
        raise _refused(response.content, f"The wire answered {response.status_code}.")


def _refused(data: bytes, otherwise: str) -> Refused:
    """Return what a problem says."""
    with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
        return Refused(msgspec.json.decode(data)["detail"])
    return Refused(otherwise)


def _line_of(raw: bytes) -> Line:
    """Return a dispatch. A replay that is ended early has a problem as its last line: raises Refused."""
    try:
        return msgspec.json.decode(raw, type=Line)
    except msgspec.DecodeError as error:
        raise _refused(raw, f"What came as a dispatch is none: {error}.") from error


def _stub_of(line: Line) -> bytes:
    """Return a stub as its proved fields say it; what stood as its item was not signed."""
    why = {"withdrawn": line.withdrawn} if line.withdrawn else {"embargoed": True}
    status = "canceled" if line.withdrawn else "withheld"
    fields = {"act": line.act, "prev": line.prev, "sent": line.sent, "seq": line.seq, "uri": line.uri,
              "version": line.version, **why,
              "item": {"pubStatus": status, "uri": line.uri, "version": str(line.version)}}  # fmt: skip
    return msgspec.json.encode(fields)


def _without_proof(raw: bytes) -> bytes:
    """Return a line without its proof, which is of one moment; the item's bytes stay as they are."""
    head, mark, item = raw.partition(b',"item":')
    fields = msgspec.json.decode(head + b"}")
    fields.pop("proof", None)
    fields.pop("checkpoint", None)
    return msgspec.json.encode(fields)[:-1] + mark + item


def _read_state(path: Path) -> State:
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return State()
    except msgspec.DecodeError as error:
        raise Refused(
            f"{path} is not the state of a follower ({error}); name another, or begin anew without it."
        ) from error
