"""Renditions: the sizes and formats in which readers get a picture, and where each stands."""

# What a rendition's address ends in, by format; the last is what every browser reads.
FORMATS = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}
# Below the home, and below the public address.
FOLDER = "pictures"


def rendition_path(digest: str, width: int, kind: str) -> str:
    """Return a rendition's public address; the digest in it cannot be guessed, nor can its bytes ever change."""
    return f"/{FOLDER}/{digest}/{width}.{kind}"
