"""The sample wire: dispatches of an invented agency, so that a first start has something to show.

Most are archive items dated back from now; the last few are real acts: an update, a correction, a refile,
a kill. Every place, person and firm in them is invented.
"""

from datetime import UTC, datetime, timedelta
from importlib import resources

import msgspec
from django.conf import settings

from dateline.news.acts import Act
from dateline.news.formats import plain
from dateline.news.item import NewsItem
from dateline.wire.append import Submission, append, append_all
from dateline.wire.dispatch import Dispatch

# File, and how many minutes before the start it is dated; oldest first.
_ARCHIVE = (
    ("seed-vault", 2875),
    ("ferry-timetable", 2710),
    ("bank-rate", 2480),
    ("press-review-monday", 1985),
    ("lighthouse", 1700),
    ("fisheries-talks", 1490),
    ("observatory", 1265),
    ("grain-ship", 1010),
    ("chess", 790),
    ("press-review-tuesday", 545),
    ("tram-strike", 388),
    ("budget", 251),
    ("census", 164),
    ("football", 73),
)


def append_sample() -> list[Dispatch]:
    """Put the sample wire on an empty wire; return its dispatches."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    archive = [
        Submission(act=Act.ARCHIVE, item=_read(name, now - timedelta(minutes=minutes), archived=True))
        for name, minutes in _ARCHIVE
    ]
    return [*append_all(archive), *_acts(now)]


def _read(name: str, now: datetime, *, archived: bool = False) -> NewsItem:
    text = (resources.files("dateline.sample") / f"{name}.txt").read_text()
    item = plain.decode(text, settings.AGENCY, now)
    return msgspec.structs.replace(item, content_created=now) if archived else item


def _acts(now: datetime) -> list[Dispatch]:
    bridge = append(Act.PUBLISH, _read("bridge", now))
    census = append(Act.PUBLISH, _read("harvest", now))
    rumour = append(Act.PUBLISH, _read("rumour", now))
    flash = append(Act.PUBLISH, _read("harbour-flash", now))
    corrected = append(
        Act.CORRECT,
        _read("bridge-corrected", now),
        uri=bridge.uri,
        note="The bridge will carry 12 tonnes, not 21 as first reported.",
    )
    refiled = append(
        Act.REFILE, _read("harvest-refiled", now), uri=census.uri, note="Mends the spelling of Orla Fennick's name."
    )
    killed = append(
        Act.KILL,
        uri=rumour.uri,
        note="The statement about the water company's sale was forged. Do not use it; the company denies it.",
    )
    updated = append(
        Act.UPDATE, _read("harbour", now), uri=flash.uri, note="Adds the harbour master, the tugs and the next sailing."
    )
    return [bridge, census, rumour, flash, corrected, refiled, killed, updated]
