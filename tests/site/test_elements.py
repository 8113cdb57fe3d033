"""An element of the newsfeed is what its template says, however it was put together."""

import itertools

import msgspec
import pytest
from django.template.loader import get_template

from dateline.news.codes import URGENCY_LABELS
from dateline.news.element import Element
from dateline.site import part, store

pytestmark = pytest.mark.usefixtures("home")

HOSTILE = """<!--url--> {{ element.id }} "quoted' <script>alert(1)</script> &amp; <!--place-->"""


@pytest.mark.parametrize(
    ("urgency", "heading", "mark", "title"),
    list(itertools.product((1, 4), ("", "World", HOSTILE), ("", "Corrected"), ("Harbour reopens", HOSTILE))),
)
def test_an_element_that_is_filled_in_is_what_its_template_renders(
    urgency: int, heading: str, mark: str, title: str
) -> None:
    element = Element(
        "9f", title, heading, "/sections/world/" if heading else "", "13 Apr, 12:01", "2026-04-13T12:01:00Z",
        "2026-04-13", "/2026/04/13/harbour-9f/", urgency, mark,
    )  # fmt: skip
    context = {"element": element, "place": 7, "label": URGENCY_LABELS.get(urgency, "")}
    rendered = get_template("site/_element.html").render(context)
    assert part.to_html([store.Listed(7, heading, msgspec.json.encode(element))]) == rendered
