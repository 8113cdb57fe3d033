"""What a picture file says of itself: IPTC IIM and XMP (IPTC Photo Metadata Standard), read by Pillow.

What was written into a field by hand is never overwritten.
"""

import hashlib
from typing import Any

from PIL import Image, IptcImagePlugin, UnidentifiedImageError

# IIM 4.2 dataset numbers of record 2.
_CAPTION, _BYLINE, _CREDIT, _HEADLINE, _COPYRIGHT = (2, 120), (2, 80), (2, 110), (2, 105), (2, 116)
_READ_BYTES = 1024 * 1024


def read_into(picture: Any) -> None:
    """Fill digest and the empty ones of caption, credit, alt and rights from the picture's file, if it is new."""
    file = picture.file
    if not file or (getattr(file, "_committed", True) and picture.digest):
        return
    file.open("rb")
    try:
        file.seek(0)
        digest = hashlib.sha256()
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
        if digest.hexdigest() == picture.digest:
            return
        picture.digest = digest.hexdigest()
        file.seek(0)
        found = metadata_of(file)
    finally:
        file.seek(0)
    for name, value in found.items():
        if value and not getattr(picture, name):
            limit = picture._meta.get_field(name).max_length
            setattr(picture, name, value[:limit] if limit else value)


def metadata_of(file: Any) -> dict[str, str]:
    """Return caption, credit, rights and alt that the file's metadata gives; XMP goes before IIM."""
    try:
        with Image.open(file) as image:
            iim = IptcImagePlugin.getiptcinfo(image) or {}
            xmp = _flat(image.getxmp()) if hasattr(image, "getxmp") else {}
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, KeyError, Image.DecompressionBombError):
        return {}
    byline = xmp.get("creator") or _text(iim, _BYLINE)
    credit = xmp.get("Credit") or _text(iim, _CREDIT)
    return {
        "caption": xmp.get("description") or _text(iim, _CAPTION) or xmp.get("Headline") or _text(iim, _HEADLINE),
        "credit": "/".join(part for part in (byline, credit) if part),
        "rights": xmp.get("rights") or xmp.get("UsageTerms") or _text(iim, _COPYRIGHT),
        "alt": xmp.get("AltTextAccessibility", ""),
    }


def _text(iim: dict[Any, Any], key: tuple[int, int]) -> str:
    value = iim.get(key, b"")
    data = value[0] if isinstance(value, list) else value
    if not isinstance(data, bytes):
        return ""
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        return data.decode("latin-1").strip()


def _flat(tree: object) -> dict[str, str]:
    """Return every XMP property by its name: a text, the default of a language alternative, the first of a list."""
    found: dict[str, str] = {}

    def text_of(value: object) -> str:
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, list):
            return text_of(value[0]) if value else ""
        if isinstance(value, dict):
            inner = next((value[name] for name in ("Alt", "Seq", "Bag", "li", "text") if name in value), "")
            return text_of(inner)
        return ""

    def walk(node: object) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                if name not in found and (text := text_of(value)):
                    found[name] = text
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(tree)
    return found
