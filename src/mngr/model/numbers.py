"""Whole numbers in what others have written: agents, hosts, machines."""


def whole(text: str, digits: int = 15) -> int | None:
    """The number that `text` is, of at most so many digits, blanks around it apart; None for all else, whatever it is. (Python
    calls `²` a digit too, which `int` doesn't take, nor more than 4,300 digits.)"""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def exit_code(text: str) -> int | None:
    """The exit code that `text` is; None if it is none."""
    return whole(text, 5)
