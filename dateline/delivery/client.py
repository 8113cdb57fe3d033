"""The client of a wire: `dateline follow`. Receives, checks, hands on; its own cursor moves last.

Every dispatch is proved against a signed head, and every head continues the last one. `prev` is the wire's word, not
signed: it shows what was lost by accident; who stands between could leave a dispatch out, and nothing else. What was
handed on but not yet noted when the machine died is handed on once more; the sinks take that without repeating it: a
file is replaced by the same file, a row by the same row, a command is told the seq.
"""

import base64
import contextlib
import hashlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec

from dateline.delivery.write_whole import write_whole
from dateline.news.counting import dispatches
from dateline.wire.dispatch import leaf_of_digest
from dateline.wire.errors import NotVerified
from dateline.wire.merkle import check_consistency, check_inclusion
from dateline.wire.note import Verifier

_WAIT_S = 50
_LIMIT = 200
# Between attempts while the wire cannot be reached, doubled up to the longest.
_FIRST_S, _LONGEST_S = 0.5, 30.0


class State(msgspec.Struct):
    """Where the client is: its cursor, and the signed head that it saw last."""

    wire: str = ""
    cursor: int = 0
    checkpoint: str = ""
    # Stubs that were received, by the seq of the kill or hold that they name: it has to come.
    owed: dict[int, str] = {}


class Line(msgspec.Struct):
    """A dispatch as it came; `item` are the bytes that were signed."""

    seq: int
    prev: int
    act: str
    uri: str
    version: int
    sent: str
    item: msgspec.Raw
    salt: str = ""
    proof: list[str] = []
    digest: str = ""
    withdrawn: int = 0
    embargoed: bool = False
    headlines: bool = False


class Answer(msgspec.Struct):
    """An answer of `/api/wire`."""

    wire: str
    head: int
    next: int
    dispatches: list[msgspec.Raw]
    checkpoint: str = ""


class Sink(Protocol):
    """Where dispatches go. `take` returns when it is safe there; taking one twice changes nothing."""

    def take(self, line: Line, raw: bytes) -> None:
        """Take one dispatch."""


class Folder:
    """Writes each dispatch as a file SEQ.json, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def take(self, line: Line, raw: bytes) -> None:
        """Write one."""
        write_whole(self._folder / f"{line.seq:010d}.json", raw + b"\n")


class Command:
    """Runs a command for each dispatch: the line on its standard input, WIRE_SEQ, WIRE_ACT and WIRE_URI beside it."""

    def __init__(self, command: str) -> None:
        self._command = command

    def take(self, line: Line, raw: bytes) -> None:
        """Run it; a failure stops the follower, and the dispatch comes again."""
        env = {**os.environ, "WIRE_SEQ": str(line.seq), "WIRE_ACT": line.act, "WIRE_URI": line.uri}
        env.pop("WIRE_TOKEN", None)
        done = subprocess.run(self._command, shell=True, input=raw + b"\n", env=env, check=False)  # noqa: S602
        if done.returncode:
            raise NotTaken(f"The command answered {done.returncode} for seq {line.seq}; it comes again.")


class Database:
    """Keeps every dispatch, and the state of each item, in a SQLite file. Raises NotTaken where it cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._naming_it():
            self._open()

    def _open(self) -> None:
        self._sql = sqlite3.connect(self._path, isolation_level=None)
        self._sql.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS dispatch (seq INTEGER PRIMARY KEY, prev INTEGER, act TEXT, uri TEXT, "
            "version INTEGER, sent TEXT, item TEXT);"
            "CREATE INDEX IF NOT EXISTS dispatch_uri ON dispatch (uri, seq);"
            "CREATE VIEW IF NOT EXISTS item AS SELECT uri, version, act, sent, item, max(seq) AS seq FROM dispatch "
            "GROUP BY uri;"
        )

    def take(self, line: Line, raw: bytes) -> None:
        """Keep one."""
        row = (line.seq, line.prev, line.act, line.uri, line.version, line.sent, bytes(line.item).decode())
        with self._naming_it():
            self._sql.execute("INSERT OR REPLACE INTO dispatch VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    @contextlib.contextmanager
    def _naming_it(self) -> Iterator[None]:
        """Say of what goes wrong which file it is about: it is none of the home's."""
        try:
            yield
        except sqlite3.Error as error:
            raise NotTaken(
                f"Dispatches cannot be kept in {self._path}: {error}. Mend that, or name another file with --sqlite."
            ) from error


class NotTaken(Exception):
    """A sink could not take a dispatch."""


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
        lines = [msgspec.json.decode(raw, type=Line) for raw in raws]
        self._check_head(answer)
        for line, raw in zip(lines, raws, strict=True):
            self._check(line, answer.checkpoint)
            self._sink.take(line, _stub_of(line) if line.withdrawn or line.embargoed else _without_proof(raw))
            self._move(line, answer)
        return len(lines)

    def _ask(self, wait_s: int) -> Answer:
        query: dict[str, Any] = {"after": self.state.cursor, "limit": _LIMIT, "wait": wait_s, "proof": 1}
        if self.state.wire:
            query["wire"] = self.state.wire
        response = self._http.get("/api/wire", params=query)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            asked = response.headers.get("Retry-After", "")
            time.sleep(min(_LONGEST_S, float(asked)) if asked.isascii() and asked.isdigit() else _FIRST_S)
            response.raise_for_status()
        if not response.is_success:
            with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
                raise Refused(msgspec.json.decode(response.content)["detail"])
            raise Refused(f"The wire answered {response.status_code}.")
        try:
            return msgspec.json.decode(response.content, type=Answer)
        except msgspec.DecodeError as error:
            raise Refused(f"What answers at {self._http.base_url} is no wire: {error}.") from error

    def _check_head(self, answer: Answer) -> None:
        """Check that the signed head is the agency's, and continues the one that was seen before."""
        if not answer.checkpoint:
            return
        point = self._verifier.open(answer.checkpoint)
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
        point = self._verifier.open(checkpoint)
        try:
            salt, path = base64.b64decode(line.salt), [base64.b64decode(part) for part in line.proof]
        except ValueError as error:
            raise NotVerified(f"The proof of seq {line.seq} is not base64.", line.seq) from error
        leaf = leaf_of_digest(line.seq, line.sent, line.act, line.uri, line.version, digest, salt)
        if not check_inclusion(line.seq - 1, point.size, leaf, path, point.root):
            raise NotVerified(f"Seq {line.seq} is not what {point.origin} signed.", line.seq)

    def _move(self, line: Line, answer: Answer) -> None:
        owed = dict(self.state.owed)
        if line.withdrawn:
            owed[line.withdrawn] = line.uri
        # The dispatch that took a text away comes itself, or the text was only kept from us.
        if (due := owed.pop(line.seq, None)) is not None and (line.act not in ("kill", "hold") or line.uri != due):
            raise NotVerified(f"Seq {line.seq} was to withdraw {due}, and does not.", line.seq)
        if late := [seq for seq in owed if seq < line.seq]:
            raise NotVerified(f"Seq {late[0]} was to withdraw {owed[late[0]]}, and never came.", late[0])
        self.state = State(answer.wire, line.seq, answer.checkpoint or self.state.checkpoint, owed)
        write_whole(self._path, msgspec.json.encode(self.state))


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
