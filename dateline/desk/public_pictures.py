"""The renditions of a picture that readers get: made at its release, kept under the digest of its bytes."""

import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from PIL import Image, ImageOps

from dateline.desk.errors import ReleaseRefused
from dateline.desk.story_item import widths_of
from dateline.news.renditions import FOLDER, FORMATS

# Below 80 artefacts show in faces; above 85 files grow and nothing is seen. AVIF's scale is another one.
_QUALITY = {"avif": 62, "webp": 80, "jpg": 82}
_ENCODERS = {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}


def public_folder() -> Path:
    """Return the folder that `/pictures/` serves."""
    return Path(settings.DATELINE_HOME) / FOLDER


def make_public(picture: Any) -> None:
    """Make every rendition of a picture that is not there yet. No metadata goes along (places, cameras, names).

    Raises ReleaseRefused if the file cannot be read as a picture.
    """
    folder = public_folder() / picture.digest
    wanted = [(folder / f"{width}.{kind}", width, kind) for kind in FORMATS for width in widths_of(picture)]
    missing = [entry for entry in wanted if not entry[0].exists()]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        picture.file.open("rb")
        with Image.open(picture.file) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ReleaseRefused(
            f"The picture “{picture.title}” cannot be read ({error}). Upload it again, or take it out.", picture.digest
        ) from error
    try:
        for path, width, kind in missing:
            smaller = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
            # A name of its own: two who release the same picture do not write into each other's file.
            handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
            with os.fdopen(handle, "wb") as part:
                smaller.save(part, _ENCODERS[kind], quality=_QUALITY[kind])
            Path(name).chmod(0o644)
            Path(name).replace(path)
    except OSError as error:
        raise ReleaseRefused(
            f"The sizes of the picture “{picture.title}” cannot be written ({error}). Nothing was released.",
            picture.digest,
        ) from error
