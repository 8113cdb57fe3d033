"""Signed notes against the example of the specification's reference implementation, and keys on the disk."""

import stat
from pathlib import Path

import pytest

from dateline.wire.errors import KeyTrouble, NotVerified
from dateline.wire.keys import load_signer, make_keys
from dateline.wire.note import Checkpoint, Verifier

# The example of golang.org/x/mod/sumdb/note, which C2SP signed-note was written down from.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_reference_note_opens() -> None:
    assert Verifier(KEY).text_of(NOTE).startswith("If you think cryptography")


def test_a_changed_reference_note_does_not_open() -> None:
    with pytest.raises(NotVerified, match="signature is wrong"):
        Verifier(KEY).text_of(NOTE.replace("think", "thought"))


def test_a_checkpoint_survives_the_round_trip(tmp_path: Path) -> None:
    make_keys(tmp_path, "example.org/wire")
    signer = load_signer(tmp_path, "example.org/wire")
    point = Checkpoint("example.org/wire", 1234, bytes(range(32)))
    note = signer.sign(point.text())
    assert Verifier(signer.verifier_key).open(note) == point
    for forged in (note.replace("1234", "1235"), note.replace("example.org/wire\n1", "example.com/wire\n1")):
        with pytest.raises(NotVerified):
            Verifier(signer.verifier_key).open(forged)


@pytest.mark.parametrize("key", ["", "x", "a+b+c", KEY.replace("c74f20a3", "c74f20a4"), "name++" + "A" * 44])
def test_what_is_no_key_gets_a_sentence(key: str) -> None:
    with pytest.raises(NotVerified, match="not a verifier key"):
        Verifier(key)


def test_keys_are_readable_by_their_owner_only_and_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert make_keys(folder, "example.org/wire")
    first = (folder / "wire.key").read_bytes()
    assert not make_keys(folder, "example.org/wire")
    assert (folder / "wire.key").read_bytes() == first
    assert stat.S_IMODE((folder / "wire.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    make_keys(tmp_path, "example.org/wire")
    (tmp_path / "wire.key").chmod(0o644)
    with pytest.raises(KeyTrouble, match="chmod 600"):
        load_signer(tmp_path, "example.org/wire")
