"""End to end, in real Chromium: what a reader sees while an agency works."""

import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.flow.conftest import Wire

pytestmark = pytest.mark.browser


def first_title(page: Any) -> Any:
    return page.locator("#newsfeed .element .title a").first


def test_a_day_of_a_newsfeed_in_an_open_page(server: Wire, page: Any) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(urlsplit(request.url).netloc))
    server.publish("The very first", Section="World")
    page.goto(server.url)
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("document.body.dataset.loaded = 'once'")

    uri = server.publish("Harbour reopens", Section="Economy", Urgency="1")
    expect(first_title(page)).to_have_text("Harbour reopens")
    element = page.locator("#newsfeed .element").first
    expect(element.locator(".heading")).to_have_text("Economy")
    expect(element.locator(".label")).to_have_text("Flash")
    expect(element.locator(".date")).to_have_text(re.compile(r"^\w+ \d+, \d\d:\d\d$"))

    server.publish("Harbour reopens in part", act=("correct", uri, "--note", "Only the southern quay is open."))
    expect(first_title(page)).to_have_text("Harbour reopens in part")
    expect(element.locator(".mark")).to_have_text("Corrected")
    first_title(page).click()
    expect(page.locator(".corrections")).to_contain_text("Only the southern quay is open.")
    page.go_back()
    expect(page.locator("#live")).to_have_text("Live")

    server.run("kill", uri, "--advisory", "The report was wrong.")
    expect(first_title(page)).to_have_text("The very first")
    expect(page.locator("#newsfeed .element")).to_have_count(1)

    at = datetime.now(UTC) + timedelta(seconds=5)
    server.publish("Budget agreed", Embargo=at.isoformat())
    assert "Budget agreed" not in page.content()
    expect(first_title(page)).to_have_text("Budget agreed", timeout=15_000)
    assert datetime.now(UTC) >= at
    assert set(requested) == {f"127.0.0.1:{server.port}"}


def test_a_reader_of_an_item_sees_that_it_changed_and_that_it_went(server: Wire, page: Any) -> None:
    uri = server.publish("Harbour reopens")
    page.goto(server.url)
    first_title(page).click()
    expect(page.locator("#live")).to_have_text("Live")
    server.publish("Harbour reopens in part", act=("update", uri, "--note", "More."))
    expect(page.locator("#changed")).to_contain_text("newer version")
    assert "in part" not in page.locator("h1").inner_text(), "an update waits until its reader opens it"
    server.run("kill", uri, "--advisory", "The report was wrong.")
    alarm = page.get_by_role("alert")
    expect(alarm).to_contain_text("This item was withdrawn")
    assert "Harbour" not in page.locator("main").inner_text() and "Harbour" not in page.title()
    expect(alarm).to_contain_text("The report was wrong.")
    shown = page.locator("main").inner_text()
    assert not Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}).violations_count
    response = page.reload()
    assert response.status == 410
    assert page.locator("main").inner_text() == shown, "the open page is what a reload shows"


def test_an_item_that_is_corrected_while_it_is_read_is_mended_in_place(server: Wire, page: Any) -> None:
    paragraphs = "\n\n".join(f"Paragraph {number} of a long report on the harbour." for number in range(60))
    uri = server.publish("Harbour is 21 m deep", body=f"It is 21 m deep.\n\n{paragraphs}")
    page.goto(server.url)
    first_title(page).click()
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("document.body.dataset.loaded = 'once'")
    reading = page.get_by_text("Paragraph 40 of")
    reading.scroll_into_view_if_needed()
    before = reading.bounding_box()["y"]
    corrected = f"It is 12 m deep.\n\n{paragraphs}"
    server.publish("Harbour is 12 m deep", act=("correct", uri, "--note", "The depth is 12 m, not 21."), body=corrected)
    notice = page.locator("#changed[role=status]")
    expect(notice).to_contain_text("Corrected just now. The depth is 12 m, not 21.")
    expect(notice).to_be_in_viewport()
    expect(page.locator("h1")).to_have_text("Harbour is 12 m deep")
    expect(page.locator(".body")).to_contain_text("It is 12 m deep.")
    expect(page.locator(".corrections")).to_contain_text("The depth is 12 m, not 21.")
    expect(page.locator(".corrections")).to_be_hidden()  # the notice says it
    expect(page.locator(".versions li")).to_have_count(2)
    assert abs(page.get_by_text("Paragraph 40 of").bounding_box()["y"] - before) < 2
    # What follows is an update: the mark stays, and what is being read stays, too.
    server.publish("Harbour is dredged", act=("update", uri, "--note", "Adds the dredging."), body=corrected)
    expect(notice).to_contain_text("Updated: this item has a newer version.", timeout=10_000)
    expect(page.locator(".corrections")).to_be_visible()
    expect(page.locator("h1")).to_have_text("Harbour is 12 m deep")
    assert page.evaluate("document.body.dataset.loaded") == "once"


def test_an_item_that_is_held_while_it_is_read_goes_and_comes_back(server: Wire, page: Any) -> None:
    uri = server.publish("Harbour reopens")
    page.goto(server.url)
    first_title(page).click()
    expect(page.locator("#live")).to_have_text("Live")
    server.run("hold", uri, "--advisory", "Two sources disagree.")
    expect(page.get_by_role("alert")).to_contain_text("It was published and is being checked.")
    assert "Harbour" not in page.locator("main").inner_text() and "Two sources" not in page.content()
    server.run("release", uri)
    expect(page.locator("h1:visible")).to_have_text("Harbour reopens")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_item_that_is_held_and_then_killed_while_it_is_open_ends_as_killed(server: Wire, page: Any) -> None:
    uri = server.publish("Harbour reopens", body="Secretword.")
    page.goto(server.url)
    first_title(page).click()
    expect(page.locator("#live")).to_have_text("Live")
    server.run("hold", uri, "--advisory", "Two sources disagree.")
    alarm = page.get_by_role("alert")
    expect(alarm).to_contain_text("It was published and is being checked.")
    server.run("kill", uri, "--advisory", "It was forged.")
    expect(alarm).to_contain_text("This item was withdrawn")
    expect(alarm).to_contain_text("It was forged.")
    assert "being checked" not in alarm.inner_text()
    assert "Secretword" not in page.content() and "Harbour" not in page.content(), "nor in the head"


def test_a_page_heals_after_the_server_was_killed_and_restarted(server: Wire, page: Any) -> None:
    server.publish("Before")
    page.goto(server.url)
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.notReloaded = true")
    server.stop(signal.SIGKILL)
    expect(page.locator("#live")).to_contain_text("Connection lost")
    server.publish("While it was down")
    server.start()
    expect(page.locator("#live")).to_have_text("Live", timeout=20_000)
    expect(first_title(page)).to_have_text("While it was down")
    server.publish("After")
    expect(first_title(page)).to_have_text("After")
    expect(page.locator("#newsfeed .element")).to_have_count(3)
    assert page.evaluate("window.notReloaded") is True


def test_what_is_being_read_does_not_move(server: Wire, page: Any) -> None:
    for number in range(30):
        server_publish_fast(server, f"Story number {number}")
    page.goto(server.url)
    expect(page.locator("#live")).to_have_text("Live")
    page.mouse.wheel(0, 900)
    page.wait_for_function("scrollY > 500")
    reading = page.locator("#newsfeed .element", has_text="Story number 15")
    before = reading.bounding_box()["y"]
    server.publish("New at the top")
    expect(first_title(page)).to_have_text("New at the top")
    assert abs(reading.bounding_box()["y"] - before) < 1
    expect(page.locator("#arrivals")).to_have_text("1 new dispatch")
    page.locator("#arrivals").click()
    page.wait_for_function("scrollY === 0")
    expect(page.locator("#arrivals")).to_be_hidden()


def server_publish_fast(server: Wire, *headlines: str) -> None:
    """Put several items on the wire in one process."""
    script = (
        "import sys, django; django.setup()\n"
        "from dateline.wire.append import Submission, append_all\n"
        "from dateline.news.acts import Act\nfrom dateline.news.item import NewsItem\n"
        "append_all([Submission(act=Act.PUBLISH, item=NewsItem(headline=h, body='<p>Text.</p>', section='World')) for h in sys.argv[1:]])\n"
    )
    import subprocess
    import sys

    env = {**server.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
    subprocess.run([sys.executable, "-c", script, *headlines], env=env, check=True, timeout=60)
    server.wait_for("/", headlines[-1])


def test_older_elements_are_fetched_into_the_same_page_or_without_scripts_on_the_next(
    server: Wire, page: Any, chromium: Any
) -> None:
    server_publish_fast(server, *(f"Story number {number}" for number in range(120)))
    page.goto(server.url)
    elements = page.locator("#newsfeed .element")
    expect(elements).to_have_count(50)
    page.locator("#older").click()
    expect(elements).to_have_count(100)
    page.locator("#older").click()
    expect(elements).to_have_count(120)
    expect(page.locator("#older")).to_have_count(0)
    titles = page.locator("#newsfeed .title a").all_text_contents()
    assert titles == [f"Story number {number}" for number in range(119, -1, -1)]
    # The template gave the fetched ones the very markup of the rendered ones.
    shape = "nodes => nodes.map(n => [...n.querySelectorAll('*')].map(e => e.localName + '.' + e.className).join())"
    assert len(set(elements.evaluate_all(shape))) == 1

    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(server.url)
    seen = plain.locator("#newsfeed .title a").all_text_contents()
    while plain.locator("#older").count():
        plain.locator("#older").click()
        seen += plain.locator("#newsfeed .title a").all_text_contents()
    assert seen == titles
    plain.locator(".title a").first.click()
    expect(plain.locator("h1")).to_have_text("Story number 19")
    context.close()


def test_no_axe_violations_on_any_kind_of_page(wire: Wire, chromium: Any) -> None:
    wire.env["DATELINE_AGENCY"] = "Tidewater News Agency"
    wire.run("status")
    wire.start()
    corrected = wire.publish("Harbour reopens", Section="World", Urgency="1", Byline="By Maren Toll")
    wire.publish(
        "Harbour reopens",
        act=("correct", corrected, "--note", "Wrong."),
        body="## Sub\n\n> Q\n> -- S\n\n- a\n\n|a|b|\n|-|-|\n|1|2|",
    )
    killed = wire.publish("To be killed", Section="World")
    wire.run("kill", killed, "--advisory", "Gone.")
    # A kill leaves no address in any list; its page still answers.
    gone = next(path for path in (wire.home / "site").rglob("410.html"))
    item = next(path for path in (wire.home / "site").rglob("v1/index.html")).parent.parent
    day = item.parent
    root = wire.home / "site"
    paths = ["/", "/sections/", "/sections/world/", "/nothing/"]
    paths += [f"/{folder.relative_to(root)}/" for folder in (item, item / "v1", day, gone.parent)]
    for scheme in ("light", "dark"):
        context = chromium.new_context(color_scheme=scheme, viewport={"width": 390, "height": 844})
        page = context.new_page()
        for path in paths:
            page.goto(wire.url + path)
            results = Axe().run(
                page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
            )
            assert results.violations_count == 0, f"{path} {scheme}: {results.generate_report()}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390, f"{path} is {width} px wide on a phone"
        context.close()


def test_every_page_can_be_used_with_the_keyboard_alone(server: Wire, page: Any) -> None:
    server.publish("Harbour reopens", Section="World")
    page.goto(server.url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(first_title(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Harbour reopens")


def test_the_pages_lie_in_files_that_any_server_can_serve(server: Wire) -> None:
    server.publish("Harbour reopens", Section="World")
    served = server.get("/").content
    server.stop()
    root: Path = server.home / "site"
    assert (root / "index.html").read_bytes() == served
    assert (root / "feed.atom").exists() and (root / "index.html.gz").exists() and (root / "index.html.br").exists()
    assert next((root / "static").rglob("wire.css"))
