"""What is quoted of a screen where a message wasn't taken."""

from mngr.ops.not_sent import COLUMNS, LINES, brief


def test_its_last_lines_are_quoted_cut() -> None:
    screen = "\n".join(["first", *["", "─" * 200] * LINES, "> ", ""])
    assert brief(screen).split("\n") == [*["─" * COLUMNS + "…"] * (LINES - 1), "> "]
