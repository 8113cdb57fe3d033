"""The editor in a real browser: what is typed, pasted, chosen and seen before it goes out."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import PASSWORD, Wire, footer, settle, write
from playwright.sync_api import expect

from dateline.news.codes import is_letters, mint_uri

pytestmark = pytest.mark.browser
PAGES = Path(__file__).parents[1] / "intake" / "pages"
BODY = "[data-contentpath=body] [contenteditable=true]"


def test_blocks_by_slash_topics_and_the_preview_in_both_its_modes(desk: Wire, sign_in: Any) -> None:
    maren = sign_in("maren")
    write(maren, desk, "Budget to be presented", "The council meets on Monday.")
    maren.keyboard.press("Enter")
    maren.keyboard.type("/quo")
    expect(maren.get_by_role("option", name="Quote")).to_be_visible()
    maren.keyboard.press("Enter")
    maren.locator("[data-contentpath=body] textarea[name$='-text']").fill("We cannot wait.")
    maren.locator("[data-contentpath=body] input[name$='-source']").fill("Ada Venn, mayor")
    maren.get_by_role("tab", name="Details").click()
    maren.locator("[data-topics-search]").fill("public fin")
    option = maren.get_by_role("option").first
    topic = option.locator("strong").inner_text()
    option.click()
    expect(maren.locator("[data-topics-chips]")).to_contain_text(topic)
    maren.get_by_role("button", name="Toggle preview").click()
    shown = maren.frame_locator("iframe[title='Preview']:not(.w-preview__proxy)")
    expect(shown.locator("h1")).to_have_text("Budget to be presented")
    expect(shown.locator("blockquote")).to_contain_text("We cannot wait.")
    expect(shown.locator("blockquote cite")).to_have_text("Ada Venn, mayor")
    maren.get_by_label("Preview mode").select_option("wire")
    expect(shown.locator("pre, body")).to_contain_text("Ada Venn, mayor")
    expect(shown.locator("h1")).to_have_count(0)


def test_the_letters_that_a_new_storys_form_mints_are_those_of_the_wire(desk: Wire, sign_in: Any) -> None:
    maren = sign_in("maren")
    for moment in ("2026-01-01T00:00:00", "2026-11-26T09:00:00", "2028-02-29T23:59:59", "2028-12-31T23:59:59"):
        now = datetime.fromisoformat(f"{moment}+00:00")
        maren.clock.set_fixed_time(now)
        maren.goto(f"{desk.url}/desk/stories/add/")
        letters = maren.locator("input[name=desk-letters]").get_attribute("value")
        assert is_letters(letters) and letters[0] == mint_uri("tidewater.example", now)[-13]


_WORD = """
<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal {margin:0}</style></head><body>
<!--StartFragment--><p class="MsoNormal" style="font-family:Calibri"><b>The council</b> meets on
<span style="color:red">Monday<o:p></o:p></span></p>
<p class="MsoListParagraph">The second paragraph, <i>in italics</i>.</p>
<img src="http://tracker.example/p.gif"><!--EndFragment--></body></html>
"""


def test_what_is_pasted_from_a_word_processor_is_clean(desk: Wire, sign_in: Any) -> None:
    maren, jonas = sign_in("maren"), sign_in("jonas")
    write(maren, desk, "Budget to be presented", "")
    maren.locator(BODY).last.evaluate(
        """(box, html) => {
            const data = new DataTransfer();
            data.setData("text/html", html);
            data.setData("text/plain", "plain");
            box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        _WORD,
    )
    expect(maren.locator(BODY).last).to_contain_text("The second paragraph")
    footer(maren, "submit")
    jonas.locator("#queue .desk-row", has_text="Budget").get_by_role("link", name="Look and release").click()
    text = jonas.locator(".desk-paper").inner_html()
    assert "Mso" not in text and "style=" not in text and "tracker" not in text
    clean = "<strong>The council</strong> meets on Monday</p><p>The second paragraph, <em>in italics</em>.</p>"
    assert f"</span> {clean}" in text, text


def test_two_people_edit_one_story_and_no_word_is_lost(desk: Wire, sign_in: Any) -> None:
    maren, jonas = sign_in("maren"), sign_in("jonas")
    write(maren, desk, "Budget to be presented", "The council meets on Monday.")
    maren.wait_for_url(re.compile("/edit/"))
    address = maren.url
    jonas.goto(address)
    settle(jonas)
    expect(jonas.locator("[data-w-session-id-value], .w-editing-sessions").first).to_be_attached()
    for page, words in ((jonas, " Jonas adds the mayor."), (maren, " Maren adds the sum.")):
        page.locator(BODY).last.click()
        page.keyboard.press("Control+End")
        page.keyboard.type(words)
        page.wait_for_timeout(2500)
    # Hers meets his: nothing is saved over his behind her back; she is told, and still has her words before her.
    footer(maren, "submit")
    told = maren.locator(".modal-dialog, dialog, [role=dialog]").filter(has_text="Jonas saved a new version")
    expect(told).to_be_visible()
    expect(maren.locator(BODY).last).to_contain_text("Maren adds the sum.")
    told.get_by_role("button", name="Submit").click()
    maren.wait_for_url(re.compile(r"/desk/(stories/)?$"))
    # Hers is the text now, and his is a version of its own that is one click away.
    jonas.goto(address.replace("/edit/", "/history/"))
    jonas.locator("main tbody tr", has_text="Maren").filter(has_text="Current draft").locator("button").first.click()
    jonas.get_by_role("link", name=re.compile("Compare with previous", re.I)).first.click()
    expect(jonas.locator("main")).to_contain_text("Jonas adds the mayor.")
    expect(jonas.locator("main")).to_contain_text("Maren adds the sum.")


def test_what_came_in_is_taken_over_by_screen_and_a_filter_is_kept(
    desk: Wire,
    sign_in: Any,
    tmp_path: Any,
) -> None:
    page_text = tmp_path / "page.txt"
    page_text.write_text((PAGES / "09-meridian-wrapped.txt").read_text())
    desk.run("import", str(page_text), "--year", "2026")
    jonas = sign_in("jonas")
    row = jonas.locator(".desk-row", has_text="Steam tug")
    row.get_by_role("button", name="Take over").click()
    expect(jonas.locator("#id_headline")).to_have_value(re.compile("Steam tug bids farewell"))
    expect(jonas.locator("#id_place")).to_have_value("PORT ELLERY")
    jonas.goto(f"{desk.url}/desk/")
    expect(jonas.locator("#queue .desk-row", has_text="Steam tug")).to_be_visible()
    expect(jonas.locator("main")).not_to_contain_text("From intake")
    jonas.select_option("[name=state]", "submitted")
    jonas.get_by_role("button", name="Filter").click()
    expect(jonas.locator("#queue .desk-row", has_text="Steam tug")).to_have_count(0)
    name = jonas.locator("input[name=name]")
    name.fill("What was submitted")
    name.press("Enter")
    kept = jonas.get_by_role("link", name="What was submitted")
    expect(kept).to_be_visible()
    jonas.goto(f"{desk.url}/desk/")
    kept.click()
    expect(jonas.locator("[name=state]")).to_have_value("submitted")


def test_a_story_that_was_opened_saved_by_itself_and_submitted_goes_through_also_after_a_new_sign_in(
    desk: Wire, sign_in: Any
) -> None:
    maren = sign_in("maren")
    write(maren, desk, "Budget to be presented", "The council meets on Monday.")
    maren.wait_for_url(re.compile("/edit/"))
    maren.goto(maren.url)
    for words in (" One.", " Two."):
        settle(maren)
        maren.locator(BODY).last.click()
        maren.keyboard.press("Control+End")
        maren.keyboard.type(words)
    settle(maren)
    # Signed out while typing: nothing is sent, the words stay, and go through after a new sign-in elsewhere.
    maren.context.clear_cookies()
    maren.keyboard.type(" Three.")
    footer(maren, "submit")
    expect(maren.locator(".desk-signed-out")).to_be_visible()
    expect(maren.locator(BODY).last).to_contain_text("Three.")
    other = maren.context.new_page()
    other.goto(f"{desk.url}/desk/")
    other.fill("[name=login]", "maren")
    other.fill("[name=password]", PASSWORD)
    other.keyboard.press("Enter")
    expect(other.locator("h1")).to_have_text("Queue")
    footer(maren, "submit")
    maren.wait_for_url(re.compile(r"/desk/(stories/)?$"))
    other.reload()
    row = other.locator("#queue .desk-row", has_text="Budget")
    expect(row.locator(".desk-state")).to_have_text("Submitted")
    row.get_by_role("link", name="Look and release").click()
    expect(other.locator(".desk-paper")).to_contain_text("One. Two. Three.")
