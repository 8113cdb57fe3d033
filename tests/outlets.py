"""What the outlets' tests share: a public side without a server, and acts to feed it with."""

from pathlib import Path

from django.conf import settings

from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.server.outlets import Outlets, open_pages
from dateline.wire.append import append
from dateline.wire.dispatch import Dispatch


class Public:
    """The public side of this test's wire, brought up to date on demand."""

    def __init__(self) -> None:
        self.outlets = Outlets(open_pages())
        self.outlets.start()
        self.announced = 0

    def catch_up(self) -> None:
        """Do what the running server does after appends, and write the files."""
        while (after := self.outlets.step(self.announced, lambda events: None)) != self.announced:
            self.announced = after
        while self.outlets.site.settle():
            self.outlets.site.publish()

    def body(self, path: str) -> str:
        """Return what a path serves now."""
        ready = self.outlets.pages.get(path)
        return ready.page.body.decode() if ready else ""

    def status(self, path: str) -> int:
        """Return the status of a path now; 404 where nothing is."""
        ready = self.outlets.pages.get(path)
        return ready.page.status if ready else 404

    def files(self) -> dict[str, bytes]:
        """Return every file of the public folder."""
        root: Path = settings.DATELINE_HOME / "site"
        return {
            path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
        }


def story(headline: str = "Harbour reopens", **fields: object) -> NewsItem:
    """Return an item to publish."""
    defaults: dict[str, object] = {"body": f"<p>The text of {headline}.</p>", "section": "Economy"}
    return NewsItem(headline=headline, **{**defaults, **fields})  # type: ignore[arg-type]


def publish(headline: str = "Harbour reopens", **fields: object) -> Dispatch:
    """Publish an item."""
    return append(Act.PUBLISH, story(headline, **fields))
