"""Signed checkpoints: C2SP signed-note and tlog-checkpoint, with Ed25519 keys.

A checkpoint is three lines (origin, size, root in base64), a blank line and the signature line.
A verifier key is `<name>+<key hash>+<base64 of 0x01 and the public key>`.
"""

import base64
import hashlib

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dateline.wire.errors import NotVerified

# C2SP signed-note: the signature type of Ed25519.
_ED25519 = b"\x01"
_DASH = "\u2014"


class Checkpoint(msgspec.Struct, frozen=True):
    """The signed head of a log: `root` is the RFC 6962 tree head over the first `size` dispatches."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


class Signer:
    """Signs notes with the agency's private key, under the name of the log's origin."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.name = name
        self._private = private
        self._public = private.public_key().public_bytes_raw()
        self._hash = _key_hash(name, self._public)
        self._last = ""

    def sign(self, text: str) -> str:
        """Return the text (which ends in a newline) as a signed note."""
        signature = base64.b64encode(self._hash + self._private.sign(text.encode())).decode()
        self._last = note = f"{text}\n{_DASH} {self.name} {signature}\n"
        return note

    def has_signed(self, note: str) -> bool:
        """Whether a note's last signature names this key (the signature itself is not checked)."""
        if note == self._last:  # what an append asks of the note of the append before it
            return True
        name, _, encoded = note.rstrip("\n").rpartition("\n")[2].removeprefix(f"{_DASH} ").rpartition(" ")
        try:
            return name == self.name and base64.b64decode(encoded)[:4] == self._hash
        except ValueError:
            return False

    @property
    def verifier_key(self) -> str:
        """The public key in the form that `--key` takes."""
        return f"{self.name}+{self._hash.hex()}+{base64.b64encode(_ED25519 + self._public).decode()}"


class Verifier:
    """Opens notes that the holder of one key signed."""

    def __init__(self, verifier_key: str) -> None:
        """Read a C2SP verifier key. Raises NotVerified with a sentence if it is none."""
        # A name has no plus, the base64 may have several.
        name, hash_hex, rest = [*verifier_key.strip().split("+", 2), "", ""][:3]
        try:
            key = base64.b64decode(rest, validate=True)
            if not name or key[:1] != _ED25519 or bytes.fromhex(hash_hex) != _key_hash(name, key[1:]):
                raise ValueError
            self._public = Ed25519PublicKey.from_public_bytes(key[1:])
        except ValueError as error:
            raise NotVerified(
                f"{verifier_key.strip()[:100]!r} is not a verifier key (name+hash+base64); "
                "the agency's stands in its keys/wire.pub."
            ) from error
        self.name = name
        self._hash = _key_hash(name, key[1:])

    def open(self, note: str) -> Checkpoint:
        """Return the checkpoint that the note holds. Raises NotVerified if this key did not sign it."""
        return _parse(self.text_of(note))

    def text_of(self, note: str) -> str:
        """Return the text of a signed note. Raises NotVerified if this key did not sign it."""
        text, _, signatures = note.partition("\n\n")
        text += "\n"
        for line in signatures.splitlines():
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.rpartition(" ")
            if dash != _DASH or name != self.name:
                continue
            try:
                raw = base64.b64decode(encoded, validate=True)
                if raw[:4] != self._hash:
                    continue
                self._public.verify(raw[4:], text.encode())
            except (InvalidSignature, ValueError) as error:
                raise NotVerified("The checkpoint's signature is wrong: this is not what the agency signed.") from error
            return text
        raise NotVerified(
            f"The checkpoint is not signed with the key of {self.name} that was given: a wrong key, or another wire."
        )


def _parse(text: str) -> Checkpoint:
    lines = text.splitlines()
    try:
        origin, size, root = lines[0], lines[1], base64.b64decode(lines[2], validate=True)
        if len(root) != 32 or not size.isdigit() or (size != "0" and size.startswith("0")):
            raise ValueError
    except (IndexError, ValueError) as error:
        raise NotVerified("The checkpoint is not in the form of C2SP tlog-checkpoint.") from error
    return Checkpoint(origin=origin, size=int(size), root=root)
