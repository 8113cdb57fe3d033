"""The agency's signing key: made once, kept in a folder that only its owner can read."""

import os
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dateline.wire.errors import KeyTrouble
from dateline.wire.note import Signer


def make_keys(folder: Path, origin: str) -> bool:
    """Make the signing key `wire.key` (PKCS 8, mode 600) and `wire.pub` (C2SP verifier key).

    Returns False, and touches nothing, if there is a key already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / "wire.key"
    if path.exists():
        if not (folder / "wire.pub").exists():
            load_signer.cache_clear()
            (folder / "wire.pub").write_text(load_signer(folder, origin).verifier_key + "\n")
        return False
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = folder / f".wire.key.{os.getpid()}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        # link, not rename: of two processes that start at once, one key must win, and stay.
        os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    (folder / "wire.pub").write_text(Signer(origin, private).verifier_key + "\n")
    return True


@lru_cache(maxsize=8)
def load_signer(folder: Path | str, origin: str) -> Signer:
    """Return the signer for this wire. Raises KeyTrouble if the key is missing or open to others."""
    path = Path(folder) / "wire.key"
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()
    except FileNotFoundError as error:
        raise KeyTrouble(
            f"There is no signing key at {path}. `dateline run` makes one for a new wire; "
            "for an old one, put the agency's own key back."
        ) from error
    except PermissionError as error:
        raise KeyTrouble(f"The signing key {path} cannot be read by this user.") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyTrouble(
            f"The signing key {path} can be read by others (mode {stat.S_IMODE(mode):o}). "
            f"Close it with: chmod 600 {path}"
        )
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except ValueError as error:
        raise KeyTrouble(f"{path} is not a PKCS 8 private key.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyTrouble(f"{path} is not an Ed25519 key.")
    return Signer(origin, private)
