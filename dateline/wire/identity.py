"""Which wire is this? A short name that two wires never share."""

import hashlib

from django.conf import settings

from dateline.wire.keys import load_signer


def wire_id() -> str:
    """Return eight hex digits that follow from the wire's key and origin.

    A page and a live connection carry it, so that a seq of another wire is never taken for one of ours.
    """
    signer = load_signer(settings.DATELINE_HOME / "keys", settings.AGENCY.origin)
    return hashlib.sha256(signer.verifier_key.encode()).hexdigest()[:8]
