"""Real servers in processes of their own, on free ports, in temporary folders; a real browser."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Wire:
    """One wire: its home, its server's process, the command line on it."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("DATELINE_", "DJANGO_"))}
        self.env |= {"DATELINE_HOME": str(home), "DATELINE_PORT": str(self.port), **settings}
        self.process: subprocess.Popen[str] | None = None
        self.log = home.parent / "server.log"

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dateline", "run"], env=self.env, stdout=log, stderr=log, text=True
            )
        for _ in range(600):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise AssertionError("the server did not start: " + self.log.read_text()[-3000:])

    def stop(self, how: int = signal.SIGTERM) -> int | None:
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "dateline", *args]

    def run(self, *args: str, text: str | None = None, code: int = 0) -> str:
        done = subprocess.run(
            self.command(*args),
            env=self.env,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    def publish(self, headline: str, *, act: tuple[str, ...] = ("publish",), body: str = "Text.", **header: str) -> str:
        """Publish from the command line, as another terminal would; return the uri."""
        lines = [f"Headline: {headline}", *(f"{name}: {value}" for name, value in header.items())]
        out = self.run(*act, "-", text="\n".join(lines) + "\n\n" + body + "\n")
        return next(line.split()[1] for line in out.splitlines() if line.strip().startswith("uri"))

    def publish_many(self, count: int) -> None:
        """Publish items one after the other, from one process."""
        script = (
            "import django; django.setup()\nfrom dateline.news.acts import Act\nfrom dateline.news.item import NewsItem\n"
            "from dateline.wire.append import append\n"
            f"for n in range({count}): append(Act.PUBLISH, NewsItem(headline=f'Item {{n}}', body='<p>Text.</p>'))"
        )
        env = {**self.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        subprocess.run([sys.executable, "-c", script], env=env, check=True, timeout=120)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=20)

    def post(self, path: str, data: dict[str, str]) -> httpx.Response:
        return httpx.post(self.url + path, data=data, timeout=20)

    def wait_for(self, path: str, text: str) -> None:
        """Return when the page shows the text: what was appended elsewhere is folded a moment later."""
        for _ in range(200):
            if text in self.get(path).text:
                return
            time.sleep(0.05)
        raise AssertionError(f"{path} never showed {text!r}")


@pytest.fixture
def wire(tmp_path: Path, migrated: Path) -> Iterator[Wire]:
    """A wire with keys and tables; no server runs yet."""
    from dateline.wire.keys import make_keys

    home = tmp_path / "home"
    shutil.copytree(migrated, home)
    make_keys(home / "keys", "tidewater.example/wire")
    found = Wire(home)
    yield found
    if found.process is not None:
        found.stop(signal.SIGKILL)


@pytest.fixture
def server(wire: Wire) -> Wire:
    """The same, with its server running."""
    wire.start()
    return wire


# Playwright's event loop runs in this thread for as long as it is open, and Django and asyncio refuse to
# work beside it: so the browser lives for one module, and the database is made before it.
@pytest.fixture(scope="module")
def chromium(migrated: Path) -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Debian's Chromium, which is not installed here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


def note_faults(page: Any, faults: list[str]) -> None:
    """Note a page's script errors, and what its Content-Security-Policy stops."""
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: "Content Security Policy" in message.text and faults.append(message.text))


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a fresh profile; anything that it writes to the console as an error fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    note_faults(page, faults)
    yield page
    context.close()
    assert not faults


PASSWORD = "harbour-light-77"

_PEOPLE = """
import django; django.setup()
from django.contrib.auth.models import Group
from dateline.desk.models import User
from dateline.desk.roles import Role
for name, role in (("maren", Role.REPORTER), ("jonas", Role.EDITOR), ("ines", Role.CHIEF), ("abel", Role.CHIEF)):
    user = User.objects.create_user(name, password="harbour-light-77", first_name=name.capitalize())
    user.groups.set(Group.objects.filter(name=role))
"""


@pytest.fixture
def desk(wire: Wire) -> Wire:
    """A served wire with four people at its desk."""
    env = {**wire.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
    subprocess.run([sys.executable, "-c", _PEOPLE], env=env, check=True, timeout=60, cwd=os.getcwd())
    wire.start()
    return wire


@pytest.fixture
def sign_in(desk: Wire, chromium: Any) -> Iterator[Callable[[str], Any]]:
    """Return a function that opens a browser of their own for someone, and signs them in."""
    contexts: list[Any] = []
    faults: list[str] = []

    from playwright.sync_api import expect

    def open_for(name: str) -> Any:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        note_faults(page, faults)
        page.goto(f"{desk.url}/desk/")
        page.fill("[name=login]", name)
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Queue")
        return page

    yield open_for
    for context in contexts:
        context.close()
    assert not faults


def press(page: Any, key: str) -> None:
    """Press a key once the screen listens to keys."""
    page.locator("html[data-desk=ready]").wait_for()
    page.keyboard.press(key)


def settle(page: Any) -> None:
    """Wait until Wagtail's autosave has taken its picture of the form: two seconds after it was opened."""
    page.wait_for_timeout(2300)


def write(page: Any, desk: Wire, headline: str, text: str, **fields: str) -> None:
    """Write a story in the editor, as one types it."""
    page.goto(f"{desk.url}/desk/stories/add/")
    settle(page)
    page.fill("#id_headline", headline)
    for name, value in {"section": "World", "place": "PORT ELLIS", **fields}.items():
        if name == "urgency":
            page.select_option("#id_urgency", value)
        else:
            page.fill(f"#id_{name}", value)
    page.locator("[data-contentpath=body] [contenteditable=true]").last.click()
    page.keyboard.type(text)


def footer(page: Any, name: str) -> None:
    """Press a button of the editor's footer, opening the menu where it is not the first."""
    button = page.locator(f"footer button[name='action-{name}'], footer a[name='action-{name}']").first
    if not button.is_visible():
        page.locator("footer [data-controller~='w-dropdown'] button[data-w-dropdown-target='toggle']").first.click()
    button.click()
