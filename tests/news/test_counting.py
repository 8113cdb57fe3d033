"""One thing is not several."""

from dateline.news.counting import counted, dispatches


def test_a_count_and_its_noun_agree() -> None:
    assert [counted(number, "token") for number in (0, 1, 2)] == ["0 tokens", "1 token", "2 tokens"]
    assert [dispatches(number) for number in (1, 12)] == ["1 dispatch", "12 dispatches"]
    assert counted(1, "item waits", "items wait") == "1 item waits"
