"""NewsML-G2, NITF, older ninjs, IPTC 7901: valid by IPTC's schemas, read back, and others' files read."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from lxml import etree

from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.errors import BadItem
from dateline.news.formats import iptc7901, newsml_g2, ninjs_older, nitf
from dateline.news.item import NewsItem, PubStatus
from tests.settings import AGENCY

TOPIC = {"name": "politics and government", "rel": "about", "uri": "http://cv.iptc.org/newscodes/mediatopic/11000000"}
BODY = (
    '<p>The <strong>harbour</strong> reopened &amp; <a href="https://example.org/a?b=1&amp;c=2">ships</a> came<br>in.</p>\n'
    "<h2>What they said</h2>\n<blockquote><p>“We waited.”</p><p><cite>Ada Venn, mayor</cite></p></blockquote>\n"
    "<ul><li>One</li><li>Two</li></ul>\n<ol><li>First</li></ol>\n"
    "<table><caption>Ships</caption><thead><tr><th>Ship</th><th>Tons</th></tr></thead>"
    "<tbody><tr><td>Ada</td><td>1,200</td></tr></tbody></table>\n"
    '<figure><img src="/pictures/ab/800.jpg" alt="Ships" width="800" height="450"><figcaption>The harbour. <cite>Maren Toll</cite></figcaption></figure>'
)
NOW = datetime(2026, 11, 25, 14, 14, 3, tzinfo=UTC)


def item(**fields: Any) -> NewsItem:
    whole = {
        "uri": "tag:tidewater.example,2026:h3k7q2m9x4bc",
        "version": 2,
        "headline": "Harbour “reopens” <today> & more",
        "body": BODY,
        "dateline": "PORT ELLIS, November 25. /Tidewater/.",
        "located": ("PORT ELLIS",),
        "section": "World",
        "slugline": "harbour",
        "byline": "Maren Toll",
        "credit": "Tidewater",
        "ednote": "Adds the mayor.",
        "urgency": 3,
        "language": "en",
        "first_created": NOW,
        "version_created": NOW,
        "content_created": NOW,
        "path": "/2026/11/25/harbour-h3k7q2m9x4bc/",
        "rest": {"subjects": [TOPIC]},
    }
    return NewsItem(**{**whole, **fields})


VARIANTS = [
    item(),
    item(embargoed=NOW + timedelta(hours=2), content_created=None),
    item(pubstatus=PubStatus.CANCELED, ednote="It was forged."),
    item(pubstatus=PubStatus.WITHHELD),
    NewsItem(uri="tag:tidewater.example,2026:x", headline="Only a line", urgency=1, version=1, version_created=NOW),
    item(body="", located=(), dateline="", rest={}, section="", headline="\x0bcontrol \ufffe characters"),
    item(urgency=9, language="de-AT", located=("ROME", "PARIS")),
]


def schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(path))


@pytest.fixture(scope="module")
def newsml_schema() -> etree.XMLSchema:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "newsml-g2"
    if not folder.exists():
        pytest.skip("needs the folder shared/data beside the project, which is absent here")
    return schema(folder / "NewsML-G2_2.35-spec-All-Power.xsd")


@pytest.mark.parametrize("number", range(len(VARIANTS)))
@pytest.mark.parametrize("act", [None, Act.UPDATE, Act.CORRECT, Act.KILL])
def test_newsml_g2_is_valid_power_conformance(newsml_schema: Any, number: int, act: Act | None) -> None:
    data = newsml_g2.encode(VARIANTS[number], AGENCY, act)
    newsml_schema.assertValid(etree.fromstring(data))


@pytest.mark.parametrize("number", range(len(VARIANTS)))
def test_nitf_is_valid(shared_data: Path, number: int) -> None:
    schema(shared_data / "newsml-g2" / "examples" / "nitf-3-6.xsd").assertValid(
        etree.fromstring(nitf.encode(VARIANTS[number], AGENCY))
    )


@pytest.mark.parametrize("number", range(len(VARIANTS)))
@pytest.mark.parametrize("version", ["1.6", "2.2"])
def test_older_ninjs_is_valid(shared_data: Path, number: int, version: str) -> None:
    rules = json.loads((shared_data / "ninjs" / "specification" / f"ninjs-schema_{version}.json").read_text())
    news = json.loads(ninjs_older.encode(VARIANTS[number], AGENCY, version))
    validator_for(rules, default=Draft202012Validator)(rules).validate(news)


LOST_BY_ALL = {"path": "", "rest": {}, "body": "", "headline": ""}


def carried(found: NewsItem, *lost: str) -> dict[str, Any]:
    """What a format can carry, to be compared."""
    kept = msgspec.structs.asdict(found)
    return {name: value for name, value in kept.items() if name not in lost}


def test_newsml_g2_carries_all_but_the_address_and_the_picture_is_named_whole() -> None:
    for given in VARIANTS[:4]:
        back = newsml_g2.decode(newsml_g2.encode(given, AGENCY))
        assert carried(back, "path", "body") == carried(given, "path", "body")
        plain = BODY.partition("<figure>")[0].replace("\n", "")
        assert back.body.replace("\n", "").startswith(plain)


def test_iptcs_own_library_reads_our_newsml_g2() -> None:
    from NewsMLG2.document import NewsMLG2Document

    found = NewsMLG2Document(newsml_g2.encode(VARIANTS[0], AGENCY)).get_item()
    assert (found.guid, str(found.version)) == (VARIANTS[0].uri, "2")
    assert str(found.contentmeta.headline) == VARIANTS[0].headline


def test_nitf_carries_the_text_and_its_marks() -> None:
    lost = ("path", "body", "language", "first_created", "version_created", "embargoed", "rest")
    for given in VARIANTS[:1] + VARIANTS[2:3]:
        back = nitf.decode(nitf.encode(given, AGENCY))
        assert carried(back, *lost) == carried(given, *lost)
        assert back.rest == {"subjects": [TOPIC]}
        # Emphasis has one strength in NITF; pictures stay behind.
        plain = BODY.partition("\n<figure>")[0].replace("strong>", "em>")
        assert back.body.replace("\n", "") == plain.replace("\n", "")
    waits = nitf.decode(nitf.encode(VARIANTS[1], AGENCY))
    assert waits.embargoed == NOW + timedelta(hours=2)


@pytest.mark.parametrize("version", ["1.6", "2.2"])
def test_older_ninjs_carries_all_of_it(version: str) -> None:
    for given in VARIANTS[:4]:
        back = ninjs_older.decode(ninjs_older.encode(given, AGENCY, version))
        assert carried(back, "rest") == carried(given, "rest")
        assert back.rest["subjects"] == [TOPIC]


def test_iptc_7901_carries_headline_text_and_note_in_lines_of_69() -> None:
    data = iptc7901.encode(VARIANTS[0], AGENCY, 12_345)
    assert data.startswith(b"\x01tid2345 3 w ") and data.endswith(b"\x04")
    assert all(len(line) <= 72 for line in data.split(b"\r\n"))
    back = iptc7901.decode(data)
    assert back.headline == 'Harbour "reopens" <today> & more'
    assert (back.ednote, back.urgency, back.slugline) == ("Adds the mayor.", 3, "harbour")
    assert "PORT ELLIS, November 25. /Tidewater/. The harbour reopened" in back.body
    assert b"?" not in iptc7901.encode(item(headline="Łódź: café"), AGENCY).split(b"\x02")[1].split(b"=")[0][1:]


def test_the_official_examples_and_others_files_are_read(shared_data: Path) -> None:
    read = 0
    for path in sorted((shared_data / "newsml-g2" / "examples").glob("LISTING_*.xml")):
        try:
            found = newsml_g2.decode(path.read_bytes())
        except BadItem as error:
            assert "holds no NewsML-G2 newsItem" in str(error), (path.name, error)
            continue
        assert found.uri, path.name
        read += 1
    assert read >= 13
    text = newsml_g2.decode(
        (shared_data / "newsml-g2" / "examples" / "LISTING_2_NewsML-G2_Text_Document.xml").read_bytes()
    )
    assert text.headline == 'Fed to halt QE to avert "bubble"' and text.body.startswith("<p>")
    for name in ("nitf-fishing.xml", "ap-nitf.xml", "efe_nitf.xml", "nitf-ntb.xml"):
        found = nitf.decode((shared_data / "superdesk-core-fixtures" / name).read_bytes())
        assert found.headline and found.body.startswith("<"), name
    found = iptc7901.decode((shared_data / "superdesk-core-fixtures" / "IPTC7901.txt").read_bytes())
    assert found.headline == "Germany Social Democrats: Coalition talks with Merkel could fail"
    for folder in ("1.4", "2.1"):
        for path in sorted((shared_data / "ninjs" / "examples" / folder).glob("*.json")):
            data = json.loads(path.read_text())
            if isinstance(data, dict) and data.get("uri"):
                assert ninjs_older.decode(json.dumps(data).encode()).uri == data["uri"], path.name


@pytest.mark.parametrize("decode", [newsml_g2.decode, nitf.decode, ninjs_older.decode, iptc7901.decode])
@pytest.mark.parametrize(
    "data",
    [b"", b"\x00\xff", b"<a>", b"<nitf/>x", b"[]", b"null", b"{" * 2000, b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
)  # fmt: skip
def test_what_is_not_the_format_gets_a_sentence_and_reads_no_file(decode: Any, data: bytes) -> None:
    try:
        found = decode(data)
    except BadItem as error:
        assert str(error).endswith(".")
    else:
        assert "root:" not in str(found)


def test_an_entity_in_a_document_is_not_resolved() -> None:
    data = nitf.encode(item(), AGENCY).replace(
        b"<nitf", b'<!DOCTYPE nitf [<!ENTITY x SYSTEM "file:///etc/passwd">]><nitf', 1
    )
    data = data.replace(b"Maren Toll</byline>", b"&x;</byline>")
    assert "root:" not in nitf.decode(data).byline


def test_publish_takes_a_file_in_any_of_the_forms() -> None:
    from dateline.news.formats.reading import read_dispatch

    given = item()
    for data in (
        newsml_g2.encode(given, AGENCY),
        nitf.encode(given, AGENCY),
        iptc7901.encode(given, AGENCY),
        ninjs_older.encode(given, AGENCY, "2.2"),
        ninjs_older.encode(given, AGENCY, "1.6"),
    ):
        found = read_dispatch(data, AGENCY, NOW)
        assert (
            found.headline.replace('"', "") == given.headline.replace("“", "").replace("”", "").replace('"', "")
            or "“" in found.headline
        )
        assert (found.version, found.path, found.first_created) == (0, "", None)
    with pytest.raises(BadItem, match="hold or kill it"):
        read_dispatch(newsml_g2.encode(VARIANTS[2], AGENCY), AGENCY, NOW)


assert isinstance(AGENCY, Agency)
