"""A day at the desk, in a real browser: written, sent back, released, flashed, corrected, held, killed."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Wire, footer, press, write
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def reader(desk: Wire, chromium: Any) -> Any:
    page = chromium.new_context().new_page()
    page.goto(desk.url)
    return page


def first_title(page: Any) -> Any:
    return page.locator("#newsfeed .title a").first


def test_a_reporter_writes_an_editor_sends_back_and_releases_and_a_reader_receives(
    desk: Wire, sign_in: Any, chromium: Any
) -> None:
    public = reader(desk, chromium)
    maren, jonas = sign_in("maren"), sign_in("jonas")
    write(maren, desk, "Night ferry to run through the winter", "The night ferry will run through the winter.")
    expect(maren.locator(".desk-dateline")).to_contain_text("PORT ELLIS, ")
    expect(maren.locator(".desk-count")).to_have_text("8 words")
    footer(maren, "submit")
    # The editor's queue shows it without a reload.
    row = jonas.locator("#queue .desk-row", has_text="Night ferry")
    expect(row.locator(".desk-state")).to_have_text("Submitted")
    row.locator("a.desk-row-title").click()
    expect(jonas.locator("#id_headline")).to_have_value("Night ferry to run through the winter")
    address = jonas.url
    footer(jonas, "reject") if jonas.locator("[name='action-reject']").count() else jonas.locator(
        "footer [data-w-dropdown-target='toggle']"
    ).first.click()
    jonas.get_by_role("button", name="Send back").last.click()
    jonas.locator("textarea[name=comment]").fill("Who says so?")
    with jonas.expect_navigation():
        jonas.locator(".modal-dialog button[type=submit], dialog button[type=submit]").last.click()
    jonas.goto(f"{desk.url}/desk/")
    expect(row.locator(".desk-state")).to_have_text("Sent back")
    maren.goto(address)
    maren.locator("[data-contentpath=body] [contenteditable=true]").last.click()
    maren.keyboard.press("End")
    maren.keyboard.type(" The harbour office said so.")
    footer(maren, "submit")
    expect(row.locator(".desk-state")).to_have_text("Submitted")
    row.get_by_role("link", name="Look and release").click()
    expect(jonas.locator(".desk-paper")).to_contain_text("The harbour office said so.")
    expect(jonas.locator(".desk-paper")).to_contain_text(re.compile(r"PORT ELLIS, .*/Tidewater/\. The night"))
    press(jonas, "r")
    expect(jonas.locator(".messages")).to_contain_text("Released: “Night ferry")
    expect(first_title(public)).to_have_text("Night ferry to run through the winter")
    expect(jonas.locator("#h-gone + .desk-rows .desk-row").first).to_contain_text("Night ferry")
    # A reporter sees no way out of their own.
    maren.goto(f"{desk.url}/desk/")
    maren.get_by_role("link", name="Night ferry").first.click()
    expect(maren.locator(".desk-refused")).to_contain_text("Only editors and chiefs release")
    assert maren.get_by_role("button", name=re.compile("now")).count() == 0


def test_a_chief_flashes_updates_corrects_holds_releases_and_kills(desk: Wire, sign_in: Any, chromium: Any) -> None:
    public = reader(desk, chromium)
    ines, abel = sign_in("ines"), sign_in("abel")
    press(ines, "F2")
    ines.locator("[data-flash-headline]").fill("Ferry aground off Grey Sound")
    ines.fill(".desk-flash [name=place]", "GREY SOUND")
    ines.locator("[data-flash-headline]").focus()
    ines.keyboard.press("Enter")
    expect(ines.locator("[data-flash-preview]")).to_contain_text("GREY SOUND, ")
    ines.keyboard.press("Enter")
    # She wrote it, so another chief sees it at once, and lets it go.
    expect(ines.locator(".desk-flash")).to_contain_text("when one of them approves it")
    expect(abel.locator(".desk-asked")).to_contain_text("Ferry aground off Grey Sound")
    abel.locator(".desk-asked a").first.click()
    expect(abel.locator(".desk-paper")).to_contain_text("Ferry aground")
    press(abel, "a")
    expect(first_title(public)).to_have_text("Ferry aground off Grey Sound", timeout=1000)
    expect(abel.locator(".messages")).to_contain_text("Approved. Released")
    # The full story follows as an update of the same item.
    ines.get_by_role("link", name="Write the story").click()
    ines.fill("#id_headline", "Ferry aground off Grey Sound, all safe")
    ines.select_option("#id_urgency", "3")
    footer(ines, "to-update")
    ines.fill("[name=note]", "All are safe.")
    expect(ines.locator(".desk-refused")).to_contain_text("lowering")
    ines.get_by_role("button", name="Ask for a second pair of eyes").click()
    expect(ines.locator(".messages")).to_contain_text("top of the queue")
    abel.goto(f"{desk.url}/desk/")
    abel.locator(".desk-asked a").first.click()
    expect(abel.locator(".desk-paper")).to_contain_text("all safe")
    press(abel, "a")
    expect(first_title(public)).to_have_text("Ferry aground off Grey Sound, all safe")
    release = re.sub(r"stories/edit/(\d+)/.*", r"release/\1/", ines.url) if "edit" in ines.url else ines.url
    base = release.partition("?")[0]
    # Corrected, held, released again, killed.
    ines.goto(base.replace("release/", "stories/edit/"))
    ines.fill("#id_headline", "Ferry aground off Grey Sound, two hurt")
    footer(ines, "to-correct")
    ines.fill("[name=note]", "Two were hurt.")
    ines.get_by_role("button", name=re.compile("^Correct now")).click()
    expect(first_title(public)).to_have_text("Ferry aground off Grey Sound, two hurt")
    for act, button in (("hold", "Hold now"), ("release", "Release again now")):
        ines.goto(f"{base}?act={act}")
        if act == "hold":
            ines.fill("[name=note]", "We are checking.")
        ines.get_by_role("button", name=re.compile(f"^{button}")).click()
        expect(public.locator("#newsfeed .element")).to_have_count(0 if act == "hold" else 1)
    ines.goto(f"{base}?act=kill")
    expect(ines.locator("#h-received + ul")).to_contain_text("Readers of the newsfeed")
    ines.fill("textarea[name=note]", "The report was forged.")
    kill = ines.get_by_role("button", name=re.compile("^Kill now"))
    kill.click()  # the box is not ticked: the browser holds it back
    assert "act=kill" in ines.url
    ines.check("[name=sure]")
    kill.click()
    expect(public.locator("#newsfeed .element")).to_have_count(0)
    ines.goto(base)
    expect(ines.locator(".desk-main")).to_contain_text("Nothing of it can go out again")


def test_no_axe_violations_on_our_screens(desk: Wire, sign_in: Any) -> None:
    ines = sign_in("ines")
    write(ines, desk, "Bridge closed", "The bridge was closed.", urgency="2")
    footer(ines, "to-publish")
    ines.get_by_role("button", name="Ask for a second pair of eyes").click()
    release = ines.url.partition("?")[0]
    paths = [f"{desk.url}/desk/", release, f"{desk.url}/desk/flash/", f"{desk.url}/desk/freeze/",
             f"{desk.url}/desk/history/", f"{desk.url}/desk/subscribers/", f"{desk.url}/desk/account/2fa/"]  # fmt: skip
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            ines.emulate_media(color_scheme=scheme)
            ines.set_viewport_size({"width": width, "height": 844})
            for path in paths:
                ines.goto(path)
                # Wagtail's own frame (its sidebar and its messages) is Wagtail's.
                options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
                context = {"include": [[".desk-header"], [".desk-main"]]} if "account" not in path else None
                results = Axe().run(ines, context=context, options=options)
                assert results.violations_count == 0, f"{path} {scheme} {width}: {results.generate_report()}"
                wide = ines.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{path} is {wide} px wide at {width}"
