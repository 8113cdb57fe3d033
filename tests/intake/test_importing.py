"""Import: quarantine, release, running it again, and what cannot be read."""

from pathlib import Path
from time import process_time

import pytest

from dateline.intake import store as quarantine
from dateline.intake.drafting import derive_headline
from dateline.intake.errors import Unreadable
from dateline.intake.importing import Report, import_files
from dateline.intake.page_text import recognise
from dateline.intake.reading import read_page_text
from dateline.news.acts import Act
from dateline.wire import store

pytestmark = pytest.mark.usefixtures("home")

PAGE = """Ferry fares rise in MayTransport April 13, 14:14
Snow closes three passesTransport April 13, 13:55
Bread dearer than everEconomy April 13, 13:27
Share
STENMARK, April 13. /Tidewater/. The ferries will cost more from May, the council said. It gave no reason.
"We are sorry," its speaker said.
"""


def put(tmp_path: Path, text: str | bytes = PAGE, name: str = "page.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(path: Path, year: int | None = 2017, release: bool = False) -> Report:
    return import_files([path], year=year, release=release)[0]


def test_nothing_reaches_the_wire_without_release(tmp_path: Path) -> None:
    report = load(put(tmp_path))
    assert [taken.state for taken in report.taken] == ["new"] * 4
    assert (store.head_seq(), quarantine.count_waiting()) == (0, 4)


def test_released_items_are_archive_acts_in_the_order_of_the_page(tmp_path: Path) -> None:
    load(put(tmp_path), release=True)
    rows = store.read_rows(0, 10)
    assert {row.act for row in rows} == {Act.ARCHIVE}
    by_date = sorted(rows, key=lambda row: (row.news.content_created, row.seq), reverse=True)
    titles = [row.news.headline for row in by_date]
    assert titles[:3] == ["Ferry fares rise in May", "Snow closes three passes", "Bread dearer than ever"]
    assert titles[3] == "The ferries will cost more from May, the council said"
    assert "headline: derived from the first sentence" in by_date[3].news.ednote
    assert by_date[3].news.day_only and not by_date[0].news.day_only


def test_the_second_run_adds_nothing(tmp_path: Path) -> None:
    path = put(tmp_path)
    load(path, release=True)
    for year in (2017, None):
        report = load(path, year=year, release=True)
        assert report.released == 0 and {taken.state for taken in report.taken} == {"released"}
    other = put(tmp_path, "\n\nMenu\n" + PAGE, "same-page-saved-again.txt")
    load(other, release=True)
    assert store.head_seq() == 4


def test_without_a_year_items_wait_and_a_later_run_completes_them(tmp_path: Path) -> None:
    path = put(tmp_path)
    report = load(path, year=None, release=True)
    assert store.head_seq() == 0
    assert all("--year" in " ".join(taken.draft.doubts) for taken in report.taken)
    assert load(path, year=2017, release=True).released == 4
    assert quarantine.count_waiting() == 0


def test_what_was_complete_stays_complete_when_the_year_is_not_said_again(tmp_path: Path) -> None:
    path = put(tmp_path)
    load(path, year=2017)
    assert load(path, year=None, release=True).released == 4


def test_unrecognised_lines_are_reported_with_their_number_and_kept(tmp_path: Path, home: Path) -> None:
    report = load(put(tmp_path))
    assert [(line.number, line.text) for line in report.rest] == [(4, "Share")]
    kept = store.sql().execute("SELECT number, text FROM intake_line").fetchall()
    assert kept == [(4, "Share")]
    assert [path.read_text() for path in (home / "intake").iterdir()] == [PAGE]


def test_a_page_across_new_year(tmp_path: Path) -> None:
    text = "Fireworks end quietlyPeople Jan 1, 00:40\nPension rise comes inMoney Dec 31, 23:10\nPlough sinksPeople Dec 30, 06:30\n"
    report = load(put(tmp_path, text), year=2020)
    years = [taken.draft.item.content_created.year for taken in report.taken]  # type: ignore[union-attr]
    assert years == [2020, 2019, 2019]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"  \n\n ", "empty"),
        (bytes(range(256)) * 50, "binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "binary"),
        (b"<!doctype html><html><body><div>x</div></body></html>", "HTML"),
        (b"\xff\xfe\x00", "utf-16"),
    ],
)
def test_what_is_no_page_text_gets_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    report = load(put(tmp_path, data))
    assert sentence in report.trouble and report.trouble.endswith(".")
    with pytest.raises(Unreadable):
        read_page_text(data)


def test_a_missing_file_gets_a_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in load(tmp_path / "nothing.txt").trouble


def test_a_line_of_50_megabytes_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    report = load(put(tmp_path, PAGE + "x" * 50_000_000 + "\n" + "Tram late againTransport April 12, 09:00\n"))
    assert [line.number for line in report.too_long] == [7]
    assert len(report.taken) == 5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "cp1252"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    text = PAGE.replace("Snow closes three passes", "Über fünf Pässe rollt kein Lkw, größere Brücken sind gesperrt")
    report = load(put(tmp_path, text.encode(encoding)))
    assert report.taken[1].draft.item.headline.startswith("Über fünf Pässe")


def test_hostile_markup_is_left_out_and_named(tmp_path: Path) -> None:
    text = PAGE + "<script>alert(1)</script>Doomed titleWorld April 13, 12:00\n<img src=x onerror=alert(1)>\n"
    report = load(put(tmp_path, text), release=True)
    assert [line.number for line in report.rest] == [4, 7, 8]
    assert not any(b"<script" in row.item or b"onerror" in row.item for row in store.iterate())


def test_an_ambiguous_date_waits(tmp_path: Path) -> None:
    report = load(put(tmp_path, "Fares riseMoney 03/04/2019 09:00\nBread upMoney 03/04/2019 08:00\n"), release=True)
    assert store.head_seq() == 0
    assert "may be swapped" in report.taken[0].draft.doubts[0]


def test_a_dispatch_under_the_title_of_an_element_is_its_text(tmp_path: Path) -> None:
    text = PAGE.replace("Share\n", "Ferry fares rise in May\n")
    report = load(put(tmp_path, text), release=True)
    assert len(report.taken) == 3
    item = next(row.news for row in store.iterate() if row.news.body)
    assert (item.headline, item.section, item.dateline) == (
        "Ferry fares rise in May", "Transport", "STENMARK, April 13. /Tidewater/.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("paragraph", "headline"),
    [
        ("The U.S. envoy left. He was tired.", "The U.S. envoy left"),
        ("Mr. Dell spoke first. Nobody answered.", "Mr. Dell spoke first"),
        ('"We won," she said. "At last."', '"We won," she said'),
        ("word " * 60, ("word " * 28).strip() + " …"),
    ],
)
def test_a_derived_headline_is_the_first_sentence(paragraph: str, headline: str) -> None:
    assert derive_headline(paragraph.strip()) == headline


def test_the_second_run_adds_nothing_when_sections_are_known_better_by_then(tmp_path: Path) -> None:
    path = Path(__file__).parent / "pages" / "22-quarry-date-heading-title.txt"
    import_files([path], year=None, release=True)
    head = store.head_seq()
    known = {row.news.section for row in store.iterate()} | {"", "World", "News"}
    again = import_files([path], year=None, release=True, known=known)[0]
    assert store.head_seq() == head and again.released == 0
    assert quarantine.count_waiting() == sum(taken.state != "released" for taken in again.taken)


def test_what_is_no_file_is_not_read_for_ever(tmp_path: Path) -> None:
    assert load(Path("/dev/zero")).trouble


def test_an_encoding_that_another_contests_makes_its_items_wait(tmp_path: Path) -> None:
    text = "Mañana abre el puertoEconomía 13 de abril, 14:14\nCierra el museoCultura 13 de abril, 13:00\n"
    report = load(put(tmp_path, text.encode("cp1252")), release=True)
    accented, plain = report.taken
    assert accented.draft.item.headline == "Mañana abre el puerto"
    assert "save it as UTF-8" in accented.draft.doubts[0]
    assert plain.state == "released"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "koi8-r", "cp1251"])
def test_encodings_without_a_mark_are_told_by_their_bytes(tmp_path: Path, encoding: str) -> None:
    text = "В порту открылся музейОбщество 13 апреля, 14:14\nХлеб подорожалЭкономика 13 апреля, 13:55\n" * 4
    assert load(put(tmp_path, text.encode(encoding))).taken[0].draft.item.headline == "В порту открылся музей"


def test_a_letter_that_cannot_be_read_makes_its_item_wait(tmp_path: Path) -> None:
    text = "Fähre gesunken, Öl läuft ausWelt April 13, 14:14\n".encode() + b"Br\xfccke zuWelt April 13, 13:00\n"
    whole, damaged = load(put(tmp_path, text)).taken
    assert not whole.draft.doubts and "could not be read" in damaged.draft.doubts[0]


@pytest.mark.parametrize(
    ("printed", "instant"),
    [("14:14 GMT", "14:14"), ("2:14 PM EDT", "18:14"), ("14:14:05+03:00", "11:14"), ("14:14 UTC+2", "12:14"), ("14:14", "14:14")],
)  # fmt: skip
def test_a_time_is_read_in_the_zone_printed_beside_it(tmp_path: Path, printed: str, instant: str) -> None:
    text = f"Bread dearer than everEconomy 2018-04-13 {printed}\nSnow closes passesWorld 2018-04-13 {printed}\n"
    created = load(put(tmp_path, text)).taken[0].draft.item.content_created
    assert created is not None and f"{created:%H:%M}" == instant


def test_a_zone_that_several_use_and_a_day_told_by_a_word_wait(tmp_path: Path) -> None:
    text = "Bread dearer than everEconomy 2018-04-13 14:14 IST\nSnow closes passesWorld 2018-04-13 13:14 IST\n"
    assert "more than one time zone" in load(put(tmp_path, text)).taken[0].draft.doubts[0]
    text = "Bread dearer than everEconomy Today, 14:14\nSnow closes passesWorld Yesterday, 13:14\n"
    assert "when it was saved" in load(put(tmp_path, text)).taken[0].draft.doubts[0]


def test_a_page_of_many_lines_is_read_in_time_that_grows_with_them(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        rows = (f"Ferry {n} late againRoute {n % 997} May {n % 28 + 1}, {n % 24:02}:00" for n in range(count))
        page = read_page_text("\n".join(rows).encode())
        begin = process_time()
        assert len(recognise(page).elements) == count
        return process_time() - begin

    seconds(50)  # patterns are compiled once
    assert seconds(4000) < 30 * seconds(400)
