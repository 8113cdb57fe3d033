"""Checks: what a careful editor looks at once more; the same text without the slip warns of nothing."""

from datetime import date
from typing import Any

import pytest

from dateline.desk.checks import check, style_list
from dateline.news.agency import Agency
from dateline.news.item import NewsItem

AGENCY = Agency(name="Tidewater", credit="Tidewater", domain="tidewater.example", url="http://x")
TODAY = date(2026, 11, 25)
GOOD: dict[str, Any] = {
    "headline": "Harbour of Port Ellis reopens", "section": "World", "credit": "Tidewater", "urgency": 4,
    "dateline": "PORT ELLIS, November 25. /Tidewater/.",
    "body": "<p>The harbour reopened on Wednesday, harbour master Ada Lund said.</p><p>“We are glad,” Lund added.</p>",
}  # fmt: skip


def codes(style: dict[str, str] | None = None, **changed: Any) -> list[str]:
    return [warning.code for warning in check(NewsItem(**{**GOOD, **changed}), AGENCY, TODAY, style)]


def test_a_careful_text_warns_of_nothing() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"section": ""}, "section"),
        ({"credit": ""}, "credit"),
        ({"dateline": ""}, "dateline"),
        ({"dateline": "PORT ELLIS, November 2. /Tidewater/."}, "date"),
        ({"dateline": "PORT ELLIS, December 31. /Tidewater/."}, "date"),
        ({"body": "<p>PORT ELLIS, November 25. /Tidewater/. The harbour reopened.</p>"}, "dateline-twice"),
        ({"body": "<p>It reopened.</p><blockquote><p>We are glad.</p></blockquote>"}, "quote"),
        ({"body": "<p>It reopened. “We are glad, Lund added.</p>"}, "quotation-mark"),
        ({"body": '<p>It reopened. "We are glad, Lund added.</p>'}, "quotation-mark"),
        ({"headline": "Harbour “reopens"}, "quotation-mark"),
        ({"body": "<p>The mayor, Marianne Stolberg, spoke. Later Stollberg left.</p>"}, "name"),
        ({"headline": "Harbour reopens."}, "headline"),
        ({"headline": "Harbour " * 20}, "headline"),
        ({"body": "<p>" + "word " * 60 + "</p>"}, "lead"),
        ({"body": "<p>" + "word " * 40 + "</p><p>" + "word " * 40 + "</p>", "urgency": 1}, "length"),
        ({"body": ""}, "text"),
        ({"body": '<p>A.</p><figure><img src="/pictures/x.jpg" alt=""></figure>'}, "picture"),
    ],
)
def test_a_slip_is_named(changed: dict[str, Any], code: str) -> None:
    assert code in codes(**changed)


@pytest.mark.parametrize(
    "text",
    [
        "<p>„Wir sind froh“, sagte Lund.</p>",
        "<p>« Nous sommes contents », a dit Lund.</p>",
        "<p>Russia and the Russian minister; Germany and the Germans; Lund's boat.</p>",
        "<p>On Monday they met. Mondays are quiet.</p>",
    ],
)
def test_what_only_looks_like_a_slip_is_left_alone(text: str) -> None:
    assert codes(body=text) == []


def test_the_agencys_style_list_is_its_own() -> None:
    style = style_list(["# ours", "amongst = among", "very", "", "World Cup = Cup"])
    assert style == {"amongst": "among", "very": "", "World Cup": "Cup"}
    found = check(
        NewsItem(**{**GOOD, "body": "<p>He stood Amongst others, very still. Veryone.</p>"}), AGENCY, TODAY, style
    )
    assert [warning.text for warning in found] == [
        "“Amongst”; the style list says: among.", "“very” stands on the style list.",
    ]  # fmt: skip


def test_an_early_january_dateline_of_december_is_near() -> None:
    item = NewsItem(**{**GOOD, "dateline": "PORT ELLIS, December 31. /Tidewater/."})
    assert [w.code for w in check(item, AGENCY, date(2027, 1, 1))] == []
