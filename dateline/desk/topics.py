"""IPTC Media Topics: the vocabulary, and a search in it for the picker."""

from functools import lru_cache
from pathlib import Path

import msgspec

from dateline.news.codes import MEDIA_TOPIC

_FILE = Path(__file__).parent / "data" / "mediatopics.json"
# More in one answer nobody reads.
_MOST = 12


class Topic(msgspec.Struct, frozen=True):
    """One topic: its code in the mediatopic scheme, its name, the code of the broader one ('' at the top)."""

    code: str
    name: str
    broader: str
    definition: str


@lru_cache(maxsize=1)
def vocabulary() -> dict[str, Topic]:
    """Return every topic that is not retired, by code."""
    return {topic.code: topic for topic in msgspec.json.decode(_FILE.read_bytes(), type=list[Topic])}


def codes_of(text: str) -> list[str]:
    """Return the known codes in a field's text (codes with commas between them), each once, in order."""
    return [code for code in dict.fromkeys(part.strip() for part in text.split(",")) if code in vocabulary()]


def way_to(topic: Topic) -> str:
    """Return where a topic stands: the names of the broader ones, the widest first."""
    names: list[str] = []
    while topic.broader and (wider := vocabulary().get(topic.broader)):
        names.insert(0, wider.name)
        topic = wider
    return " › ".join(names)


def subjects_of(text: str) -> list[dict[str, str]]:
    """Return a field's topics as ninjs subjects."""
    return [{"name": vocabulary()[code].name, "rel": "about", "uri": MEDIA_TOPIC + code} for code in codes_of(text)]


def codes_in(subjects: list[dict[str, str]]) -> str:
    """Return the field's text for the media topics among ninjs subjects."""
    codes = [str(subject.get("uri", "")).removeprefix(MEDIA_TOPIC) for subject in subjects]
    return ",".join(code for code in codes if code in vocabulary())


def search(query: str) -> list[Topic]:
    """Return the topics with words that begin as those of a query do, the best first.

    A name that is the query goes first, then one that begins with it, then words in names, then in definitions.
    """
    words = query.casefold().split()
    if not words:
        return []
    ranked: list[tuple[int, int, str, Topic]] = []
    for topic in vocabulary().values():
        name, text = f" {topic.name}".casefold(), f" {topic.name} {topic.definition}".casefold()
        if not all(f" {word}" in text for word in words):
            continue
        whole = " " + " ".join(words)
        in_name = all(f" {word}" in name for word in words)
        rank = 0 if name == whole else 1 if name.startswith(whole) else 2 if in_name else 3
        ranked.append((rank, len(name), name, topic))
    return [topic for *_, topic in sorted(ranked, key=lambda row: row[:3])[:_MOST]]
