"""A week on the wire, in a process of its own: publishes, revises, holds, embargoes and kills, as fast as told."""

import random
import sys
import time
from datetime import UTC, datetime, timedelta

import django

django.setup()

import msgspec  # noqa: E402

from dateline.news.acts import Act  # noqa: E402
from dateline.news.errors import DatelineError  # noqa: E402
from dateline.news.item import NewsItem  # noqa: E402
from dateline.wire.append import append  # noqa: E402

SECTIONS = ("World", "Sport", "Economy", "Culture")


def main(count: int, pause_s: float, seed: int) -> None:
    chance = random.Random(seed)
    items: list[NewsItem] = []
    for number in range(count):
        time.sleep(pause_s * chance.random() * 2)
        try:
            one_dispatch(chance, items, number)
        except DatelineError:
            continue


def one_dispatch(chance: random.Random, items: list[NewsItem], number: int) -> None:
    if not items or chance.random() < 0.55:
        ahead = datetime.now(UTC) + timedelta(seconds=chance.uniform(1, 6)) if chance.random() < 0.15 else None
        fresh = NewsItem(
            headline=f"Item {number}", body=f"<p>Secret-{number} text.</p>", section=chance.choice(SECTIONS),
            urgency=chance.randint(2, 6), language=chance.choice(("en", "de")), embargoed=ahead,
        )  # fmt: skip
        items.append(append(Act.PUBLISH, fresh).news)
        return
    chosen = chance.choice(items[-40:])
    act = chance.choice((Act.UPDATE, Act.UPDATE, Act.CORRECT, Act.REFILE, Act.HOLD, Act.RELEASE, Act.KILL))
    if act in (Act.UPDATE, Act.CORRECT, Act.REFILE):
        changed = msgspec.structs.replace(
            chosen,
            headline=f"{act} {number}",
            section=chance.choice(SECTIONS),
            urgency=chance.randint(2, 6),
            embargoed=None,
        )
        append(act, changed, note="What changed.")
    else:
        append(act, uri=chosen.uri, note="Why.")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
