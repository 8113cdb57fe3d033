"""How a count is said: in a sentence one thing is not several."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, `1 token`, `2 tokens`; `many` where its plural is not `one` with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def dispatches(number: int) -> str:
    """Return a number of dispatches."""
    return counted(number, "dispatch", "dispatches")
