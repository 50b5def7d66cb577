"""Modules that are imported when they are first used: most commands here use none of them."""

from __future__ import annotations


class Lazy:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, what: str):
        return getattr(__import__(self._name), what)


json, re, shlex, shutil = Lazy("json"), Lazy("re"), Lazy("shlex"), Lazy("shutil")
subprocess, tempfile = Lazy("subprocess"), Lazy("tempfile")
