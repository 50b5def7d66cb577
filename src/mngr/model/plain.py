"""Text without what only a terminal understands."""


def plain(text: str) -> str:
    """Text without control sequences (ECMA-48: CSI, OSC and the short escapes) and control characters, whoever it is from.
    Line ends and tabs stay."""
    import re

    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]", "", text)
    text = text.replace("\r\n", "\n")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]", "", text).replace("\r", "")
