"""A subscriber at the desk, in a real browser: made, sent to, sent to again, its token rotated, paused; with no script."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from standardwebhooks import Webhook

from tests.flow.conftest import PASSWORD, Wire
from tests.flow.test_delivery import Receiver

pytestmark = pytest.mark.browser


@pytest.fixture
def wire(wire: Wire) -> Wire:
    """The wire of these tests sends webhooks to this machine."""
    wire.env["DATELINE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    return wire


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def pull(desk: Wire, token: str) -> int:
    return httpx.get(f"{desk.url}/api/wire", headers={"Authorization": f"Bearer {token}"}, timeout=20).status_code


def test_a_webhook_subscription_from_its_making_to_its_pause(desk: Wire, sign_in: Any, receiver: Receiver) -> None:
    desk.publish("Harbour reopens", Section="World")
    desk.publish("Cup final tonight", Section="Sport")
    ines = sign_in("ines")
    ines.get_by_role("link", name="Subscribers").click()
    ines.get_by_role("link", name="New subscription").click()
    # What the filter means follows what is chosen, with the page as it is.
    matched = ines.locator("#matched")
    expect(matched).to_contain_text("Cup final tonight")
    ines.fill("[name=name]", "Daily Quay")
    ines.get_by_label("World").check()
    expect(matched).to_contain_text("Items in World")
    expect(matched).not_to_contain_text("Cup final")
    ines.get_by_label("Search IPTC Media Topics").fill("politics")
    ines.locator("#topics-found li").first.click()
    expect(matched).to_contain_text("about politics")
    expect(matched).to_contain_text("No dispatch of the last day")
    ines.get_by_role("button", name="Remove").click()
    expect(matched).to_contain_text("Harbour reopens")
    # Only the fields of the way that is chosen stand there.
    expect(ines.get_by_label("Where to")).to_be_hidden()
    ines.get_by_label("SFTP", exact=True).check()
    expect(ines.get_by_label("Password")).to_be_visible()
    ines.get_by_label("Webhook").check()
    expect(ines.get_by_label("Password")).to_be_hidden()
    ines.get_by_label("Where to").fill("https://127.0.0.1:1/x y")
    ines.get_by_label("Where to").fill("ftp://quay.example/")
    ines.get_by_label("Where to").press("Enter")
    expect(ines.locator("#id_address_error")).to_contain_text("another way")
    expect(ines.get_by_label("Where to")).to_be_focused()
    expect(ines.get_by_label("World")).to_be_checked()
    ines.get_by_label("Where to").fill(receiver.url)
    ines.get_by_role("button", name="Make the subscription").click()
    # Its secrets, once.
    token, secret = (ines.locator(f"#shown-{number}").text_content() for number in (1, 2))
    ines.get_by_role("button", name="Copy the token").click()
    expect(ines.locator("[data-copy=shown-1]")).to_have_text(re.compile("Copied|Selected"))
    ines.reload()
    expect(ines.locator(".desk-main")).to_contain_text("was shown once")
    assert token not in ines.content() and secret not in ines.content()
    # The way back asks for the page anew: nobody kept it.
    ines.evaluate("history.back()")
    ines.wait_for_timeout(500)
    assert token not in ines.content() and secret not in ines.content()
    ines.goto(f"{desk.url}/desk/subscribers/")
    ines.get_by_role("link", name="Daily Quay").click()
    page = ines.url
    desk.publish("Night ferry to run", Section="World")
    receiver.wait(1)
    headers, body = receiver.got[0]
    assert Webhook(secret).verify(body, headers)["data"]["seq"] == 3
    ledger = ines.locator("#ledger tbody tr")
    for _ in range(50):
        ines.goto(page)
        if "acknowledged (204)" in ledger.first.inner_text():
            break
        ines.wait_for_timeout(100)
    expect(ledger).to_have_count(1)
    expect(ines.locator("#h-state + p")).to_contain_text("Up to date")
    # Sent again: said first, then done, under the same key.
    ines.get_by_label("From seq").fill("3")
    ines.get_by_label("To seq").fill("3")
    ines.get_by_role("button", name="Show what that would send").click()
    expect(ines.locator("#h-plan + p")).to_contain_text(
        "1 dispatch that Daily Quay has acknowledged goes out once more"
    )
    ines.get_by_role("button", name="Send again").click()
    expect(ines.locator(".messages")).to_contain_text("1 dispatch go")
    receiver.wait(2)
    assert receiver.got[1][0]["webhook-id"] == headers["webhook-id"]
    # The token is rotated, with an overlap; then all end.
    assert pull(desk, token) == 200
    ines.get_by_label("Hours that the old one lasts").fill("1")
    ines.get_by_role("button", name="Give a new token").click()
    second = ines.locator("#shown-1").text_content()
    assert (pull(desk, token), pull(desk, second)) == (200, 200)
    ines.get_by_role("link", name="I have it").click()
    ines.get_by_text("End every token at once").click()
    ines.get_by_role("button", name="Revoke all tokens").click()
    expect(ines.locator(".messages")).to_contain_text("2 tokens of Daily Quay ended just now")
    assert (pull(desk, token), pull(desk, second)) == (401, 401)
    # Paused: nothing is sent, nothing is lost.
    ines.get_by_label("Pause it: why").fill("They move house.")
    ines.get_by_role("button", name="Pause").click()
    expect(ines.locator("#h-state + p")).to_contain_text("paused: They move house", ignore_case=True)
    desk.publish("Bridge closed", Section="World")
    desk.wait_for("/", "Bridge closed")
    assert len(receiver.got) == 2
    ines.get_by_role("button", name="Resume").click()
    assert [line["seq"] for line in receiver.wait(3)] == [3, 3, 4]
    ines.goto(f"{desk.url}/desk/history/")
    for words in ("made a subscription", "sent again", "gave a token", "revoked all tokens", "paused a subscription"):
        expect(ines.locator(".desk-table")).to_contain_text(words)
    assert not re.search(r"dl_[\w-]{20}|whsec_", ines.content())


def test_without_script_the_filter_is_shown_by_a_button_and_nothing_typed_is_lost(desk: Wire, chromium: Any) -> None:
    desk.publish("Harbour reopens", Section="World")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.url}/desk/subscribers/add/")
    page.fill("[name=login]", "ines")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/subscribers/add/")
    page.fill("[name=name]", "Daily Quay")
    page.fill("[name=topics]", "11000000")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "about politics" in page.locator("#matched").inner_text()
    assert "No dispatch of the last day" in page.locator("#matched").inner_text()
    page.fill("[name=topics]", "")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "Harbour reopens" in page.locator("#matched").inner_text()
    page.get_by_role("button", name="Make the subscription").click()
    assert page.locator("#shown-1").inner_text().startswith("dl_")
    page.get_by_role("link", name="I have it").click()
    assert "Daily Quay" in page.locator("h1").inner_text()
    context.close()


def test_no_axe_violations_on_the_subscribers_screens(desk: Wire, sign_in: Any) -> None:
    desk.publish("Harbour reopens", Section="World")
    desk.run("subscriber", "add", "Daily Quay", "--push", "https://quay.example.invalid/wire", "--from-start")
    desk.run("subscriber", "add", "Harbour Radio", "--section", "World", "--contact", "desk@harbour.example")
    ines = sign_in("ines")
    paths = [
        "",
        "add/",
        "1/",
        "1/change/",
        "1/again/?first=1",
        "dispatch/1/",
        "again/?first=1",
        "1/again/?first=x",
        "1/shown/x/",
    ]
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            ines.emulate_media(color_scheme=scheme)
            ines.set_viewport_size({"width": width, "height": 844})
            for path in paths:
                ines.goto(f"{desk.url}/desk/subscribers/{path}")
                if path == "add/":
                    ines.get_by_role("radio", name="S3").check()
                    ines.evaluate("document.querySelector('form[data-preview]').noValidate = true")
                    ines.get_by_role("button", name="Make the subscription").click()
                    expect(ines.locator("#id_name_error")).to_be_visible()
                options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
                results = Axe().run(ines, context={"include": [[".desk-header"], [".desk-main"]]}, options=options)
                assert results.violations_count == 0, f"{path} {scheme} {width}: {results.generate_report()}"
                wide = ines.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{path} is {wide} px wide at {width}"
