"""ninjs 3.1 and plain text: valid, byte-stable, and clear about what they cannot read."""

import json
import sys
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from dateline.news import body
from dateline.news.acts import Act, next_item
from dateline.news.codes import is_letters, mint_uri, rfc3339
from dateline.news.errors import BadItem
from dateline.news.formats import ninjs, plain, schema
from dateline.news.formats.reading import read_dispatch
from dateline.news.item import NewsItem, PubStatus

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
AGENCY = settings.AGENCY

_TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=40)
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-9, minutes=-30))])
# Hypothesis wants naive bounds and adds the zone itself.
_INSTANT = st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=_ZONES)  # noqa: DTZ001
_ITEMS = st.builds(
    NewsItem,
    uri=st.just("tag:example.org,2026:abc"),
    version=st.integers(1, 99),
    pubstatus=st.sampled_from(PubStatus),
    headline=_TEXT, body=_TEXT, dateline=_TEXT, section=_TEXT, slugline=_TEXT, byline=_TEXT, credit=_TEXT, ednote=_TEXT,
    located=st.lists(st.text("ABC ", min_size=1).filter(str.strip), max_size=3).map(tuple),
    urgency=st.none() | st.integers(1, 9),
    language=st.sampled_from(["", "en", "pt-BR"]),
    embargoed=_INSTANT, first_created=_INSTANT, version_created=_INSTANT, content_created=_INSTANT,
    path=st.just("/2026/11/25/x-abc/"),
    day_only=st.booleans(),
    rest=st.just({"copyrightHolder": "X", "subjects": [{"name": "Y", "uri": "http://cv.iptc.org/newscodes/mediatopic/1"}]}),
).filter(lambda item: item.content_created is not None or not item.day_only)  # fmt: skip


@given(item=_ITEMS)
def test_encode_decode_encode_is_the_identity_and_valid(item: NewsItem) -> None:
    data = ninjs.encode(item)
    again = ninjs.decode(data)
    assert ninjs.encode(again) == data
    assert json.loads(data).get("firstCreated") == (item.first_created and rfc3339(item.first_created))
    assert again == item
    schema.check(data)


def test_canonical_bytes_do_not_change() -> None:
    """A golden item: what is signed once must encode the same for ever."""
    item = NewsItem(
        uri="tag:example.org,2026:h3k7q2m9x4bc", version=2, headline="Harbour reopens", body="<p>Ünder way.</p>",
        dateline="PORT ELLIS, November 25. /Tidewater/.", located=("PORT ELLIS",), section="World", urgency=3,
        credit="Tidewater", ednote="Adds a quote.", language="en", first_created=NOW, version_created=NOW,
        content_created=NOW, path="/2026/11/25/harbour-reopens-h3k7q2m9x4bc/",
    )  # fmt: skip
    golden = (Path(__file__).parent / "golden.ninjs.json").read_bytes()
    assert ninjs.encode(item) + b"\n" == golden
    assert ninjs.decode(golden) == item


def test_official_examples_are_read_and_stay_valid(shared_data: Path) -> None:
    examples = sorted((shared_data / "ninjs" / "examples" / "3.0").glob("*.json"))
    assert examples
    for path in examples:
        try:
            schema.check(path.read_bytes())
        except BadItem:
            continue  # some of IPTC's 3.0 examples do not validate against its own schema
        data = ninjs.encode(ninjs.decode(path.read_bytes()))
        schema.check(data)
        assert ninjs.encode(ninjs.decode(data)) == data


PLAIN = """Headline: Harbour reopens
Section: World
Urgency: 2
Embargo: 2026-12-01T10:00

PORT ELLIS, November 25 (Tidewater) -- The harbour <b>reopened</b> on Wednesday.

## What next

> We are back.
> -- Ann Lee, harbour master

- tugs
- buoys
"""


def test_a_plain_dispatch_is_read() -> None:
    item = plain.decode(PLAIN, AGENCY, NOW)
    assert (item.headline, item.section, item.urgency) == ("Harbour reopens", "World", 2)
    assert item.embargoed == datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
    assert item.dateline == "PORT ELLIS, November 25. /Tidewater/."
    assert item.body == (
        "<p>The harbour &lt;b&gt;reopened&lt;/b&gt; on Wednesday.</p>\n<h2>What next</h2>\n"
        "<blockquote>\n<p>We are back.</p>\n<p><cite>Ann Lee, harbour master</cite></p>\n</blockquote>\n"
        "<ul>\n<li>tugs</li>\n<li>buoys</li>\n</ul>"
    )


def test_plain_text_survives_its_own_round_trip() -> None:
    item = plain.decode(PLAIN.partition("## ")[0], AGENCY, NOW)
    assert plain.decode(plain.encode(item), AGENCY, NOW) == item


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"Just a text without a header.\n\nMore.", "header"),
        (b"Headline: X\nColour: red\n\nText", "colour"),
        (b"Headline: X\nUrgency: soon\n\nText", "Urgency"),
        (b"Headline: X\nEmbargo: tomorrow\n\nText", "2026-12-01T10:00"),
        (b"\xff\xfe\x00x", "UTF-8"),
        (b"{not json", "JSON"),
        (b'{"uri": 5}', "ninjs 3.1"),
        (b'{"uri": "tag:x,2026:a", "heading": "not in 3.1"}', "ninjs 3.1"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "ninjs 3.1"),
        (b"Headline: A\nHeadline: B\n\nx", "twice"),
        (b"Headline: A\nEmbargo: 9999-12-31T23:59:59-14:00\n\nx", "calendar"),
        (b'{"uri": "tag:x,2026:a", "pubStatus": "canceled", "headlines": [{"value": "X"}]}', "canceled"),
        (b'{"uri":' + b"[" * 100_000, "JSON"),
        (b"Headline: x\n\n" + b"x" * 5_000_000, "bytes"),
    ],
)
def test_bad_input_gets_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(BadItem, match=sentence) as caught:
        read_dispatch(data, AGENCY, NOW)
    assert str(caught.value).endswith(".")


def test_what_only_the_wire_may_say_is_not_taken_from_a_file() -> None:
    news = {"uri": "tag:x,2026:a", "version": "7", "firstCreated": "2020-01-01T00:00:00Z",
            "headlines": [{"value": "X"}], "altIds": [{"role": "path", "value": "/elsewhere/"}]}  # fmt: skip
    item = read_dispatch(json.dumps(news).encode(), AGENCY, NOW)
    assert (item.version, item.pubstatus, item.first_created, item.path) == (0, "usable", None, "")


HOSTILE = [
    "<script>alert(1)</script><p>x</p>",
    "<p onclick=alert(1)>x</p>",
    '<a href="javascript:alert(1)">x</a>',
    '<img src="https://elsewhere.example/pixel.gif" alt="">',
    '<img src="//elsewhere.example/pixel.gif">',
    '<p style="position:fixed">x</p>',
    "<iframe src=x></iframe><object></object><svg onload=alert(1)>",
    "<p>unclosed <strong>and <table><tr><td>wild",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
]


@pytest.mark.parametrize("markup", HOSTILE)
def test_hostile_markup_is_cleaned(markup: str) -> None:
    cleaned = body.clean(markup)
    assert not any(
        word in cleaned for word in ("<script", "onclick", "javascript:", "elsewhere", "style", "onload", "<svg")
    )
    assert body.clean(cleaned) == cleaned


@given(markup=st.text(st.sampled_from('<>/ap"=&;!-bqli tdhrsc1x\n')))
def test_cleaning_twice_changes_nothing(markup: str) -> None:
    cleaned = body.clean(markup)
    assert body.clean(cleaned) == cleaned


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_no_control_character_goes_out(text: str) -> None:
    assert all(letter >= " " or letter in "\t\n" for letter in body.clean(f"<p>{text}</p>"))
    item = next_item(Act.PUBLISH, None, NewsItem(headline=f"Harbour{text}"), note="", now=NOW, agency=AGENCY)
    fit = "".join(letter for letter in text if unicodedata.category(letter) != "Cc" and letter not in "\ufffe\uffff")
    assert item.headline.replace(" ", "") == "".join(f"Harbour{fit}".split())


def test_what_we_mint_is_known_as_ours_and_no_two_are_alike() -> None:
    uris = {mint_uri("tidewater.example", NOW) for _ in range(1000)}
    assert len(uris) == 1000
    assert all(is_letters(uri.rpartition(":")[2]) and uri.startswith("tag:tidewater.example,2026:") for uri in uris)
    assert not any(is_letters(text) for text in ("h3k7q2m9x4b", "h3k7q2m9x4bcde", "h3k7q2u9x4bc", "u3k7q2m9x4bc", ""))


_PIECES = [
    "<p>", "</p>", "</p>\n<p>", "</p><p>", "<", "/p>", ">", "&amp;", "&", "\n", "\xa0", " ", "it", "\u2028", "<em>",
]  # fmt: skip


@given(pieces=st.lists(st.sampled_from(_PIECES) | st.text(max_size=3)))
def test_paragraphs_that_need_no_cleaning_are_what_cleaning_makes_of_them(pieces: list[str]) -> None:
    for markup in ("".join(pieces), f"<p>{''.join(pieces)}</p>", "<p>" + "</p>\n<p>".join(pieces) + "</p>"):
        if markup.replace("\n", "").isprintable() and body._is_paragraphs(markup):
            assert body._sanitise(markup) == markup


def test_every_printable_character_comes_back_from_cleaning_as_it_was() -> None:
    letters = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isprintable() and chr(code) not in "<>&"]
    for begin in range(0, len(letters), 1000):
        markup = f"<p>{''.join(letters[begin : begin + 1000])}</p>"
        assert body._is_paragraphs(markup)
        assert body._sanitise(markup) == markup


def test_bold_and_italics_by_their_old_names_keep_their_weight_and_empty_blocks_go() -> None:
    cleaned = body.clean('<p>&nbsp;</p><p><b>It</b> <i class="x">is</i> so</p><h2><br></h2>')
    assert body.without_empty_blocks(cleaned) == "<p><strong>It</strong> <em>is</em> so</p>"


def test_the_text_of_a_body() -> None:
    markup = "<p>One\n two.</p><blockquote><p>Three.</p></blockquote><table><tr><th>A</th><td>1</td></tr></table>"
    assert body.to_paragraphs(markup) == ["One two.", "Three.", "A | 1"]
    assert body.count_words(markup) == 6


def test_plain_text_marks_its_subheads_quotes_lists_and_tables_and_reads_them_back() -> None:
    text = (
        "A first paragraph.\n\n## A subhead\n\n> One.\n>\n> Two.\n> -- Tom Reyes, a fisherman\n\n- a\n- b\n\n"
        "| Ship | Tons |\n| --- | --- |\n| Ada | 1,200 |"
    )
    markup = body.from_plain(text)
    assert "\n\n".join(body.to_plain(markup)) == text
    assert body.to_plain("<p>Line<br>break</p>") == ["Line break"]
    assert body.to_paragraphs("<table><tbody><tr><td></td><td></td></tr></tbody></table><p>x</p>") == ["x"]
