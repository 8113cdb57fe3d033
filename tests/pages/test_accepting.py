"""Which of what can be sent a client likes best."""

import pytest

from dateline.pages.accepting import preferred

JSON, NDJSON, TEXT, OLDER = "application/json", "application/x-ndjson", "text/plain", "application/json; ninjs=2.2"
OFFERS = (JSON, NDJSON, TEXT, OLDER)


@pytest.mark.parametrize(
    ("accept", "liked"),
    [
        ("", JSON), (" , ", JSON), ("*/*", JSON), ("text/*", TEXT), ("image/png", None), ("application/json", JSON),
        ("Application/X-NDJSON", NDJSON), ("APPLICATION/JSON; NINJS=2.2", OLDER), ('application/json;ninjs="2.2"', OLDER),
        ("application/json; ninjs=9.9", None), ("text/plain; charset=UTF-8", TEXT),
        ("text/plain;q=0.3, application/x-ndjson;q=0.4", NDJSON), ("application/x-ndjson;q=0", None),
        ("text/plain; q=0, application/x-ndjson; q=0.000", None),
        ("*/*, application/json;q=0", NDJSON), ("*/*;q=0.1, application/*;q=0", TEXT), ("text/plain, */*;q=0", TEXT),
        ("text/plain, application/json", TEXT), ("*/*, text/plain", TEXT), ("text/plain;q=nan", None),
        # What cannot be read, or is too long to be, is as if nothing was said.
        ("text/plain; x*=nothing''y", JSON), ("text/plain" + ", a/b" * 1000, JSON),
    ],
)  # fmt: skip
def test_a_client_gets_what_it_likes_best_and_nothing_that_it_refuses(accept: str, liked: str | None) -> None:
    assert preferred(accept, OFFERS) == liked
