"""/healthz tells a monitor where the wire stands."""

from tests.flow.conftest import Wire


def test_healthz_says_the_head_and_each_lag(server: Wire) -> None:
    server.publish("Harbour reopens")
    answer = server.get("/healthz").json()
    assert answer["status"] == "ok" and answer["head"] == 1 and set(answer["lag"]) == {"site", "feeds", "delivery"}
