"""Identities: neighbours in an index, unlike each other, and old ones that go on working."""

from datetime import UTC, datetime, timedelta

import pytest

from dateline.news.codes import derive_uri, is_letters, mint_uri, short_id

DOMAIN = "tidewater.example"
YEARS = [datetime(year, 1, 1, tzinfo=UTC) for year in (2026, 2028)]


def parts(begin: datetime) -> list[str]:
    """Return what a uri of each day of a year says before its random letters."""
    days = ((begin + timedelta(days=number)) for number in range(366))
    return [mint_uri(DOMAIN, day)[:-12] for day in days if day.year == begin.year]


@pytest.mark.parametrize("year", YEARS)
def test_uris_that_are_minted_within_the_same_days_stand_together_and_in_the_order_of_the_year(year: datetime) -> None:
    found = parts(year)
    assert found == sorted(found)
    assert found[0] == f"tag:{DOMAIN},{year.year}:0" and found[-1] == f"tag:{DOMAIN},{year.year}:z"


@pytest.mark.parametrize("year", YEARS)
def test_a_uri_tells_its_day_no_closer_than_eleven_days(year: datetime) -> None:
    found = parts(year)
    lengths = [found.count(part) for part in sorted(set(found))]
    # The year ends within the last part.
    assert {*lengths[:-1]} == {11, 12} and lengths[-1] >= 10


def test_the_hour_is_nowhere_in_a_uri() -> None:
    day = datetime(2026, 11, 26, tzinfo=UTC)
    assert {mint_uri(DOMAIN, day + timedelta(hours=hour))[:-12] for hour in range(24)} == {f"tag:{DOMAIN},2026:w"}


def test_uris_of_one_moment_differ() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    assert len({mint_uri(DOMAIN, now) for _ in range(10_000)}) == 10_000


def test_the_id_in_an_address_is_the_end_of_a_uri_that_we_minted_lately_or_long_ago_or_derived() -> None:
    minted = mint_uri(DOMAIN, datetime(2026, 11, 26, tzinfo=UTC))
    for uri in (minted, "tag:tidewater.example,2026:h3k7q2m9x4bc", derive_uri(DOMAIN, 2026, "page", "element")):
        assert short_id(uri) == uri.rpartition(":")[2] and is_letters(short_id(uri))


@pytest.mark.parametrize(
    "text", ["", "h3k7q2m9x4b", "wh3k7q2m9x4bcd", "wh3k7q2m9x4bi", "wH3k7q2m9x4bc", "wh3k7q2m9x4b\n"]
)
def test_what_no_uri_of_ours_ends_in_is_not_taken_for_it(text: str) -> None:
    assert not is_letters(text)


def test_an_evidence_always_gives_the_uri_that_it_gave_in_earlier_releases() -> None:
    assert derive_uri(DOMAIN, 2026, "page", "element") == f"tag:{DOMAIN},2026:tvh254x6vacz"
