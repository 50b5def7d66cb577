"""Reading a docker command line: flags with and without values, and what stands after them."""

from __future__ import annotations

from lazy import re


class Usage(Exception):
    """docker would show its usage: exit code 125 for run, 1 for all else."""


def read(
    words: list[str], values: str, switches: str, *, short: str = "", stop: bool = False
) -> tuple[dict[str, list[str]], list[str]]:
    """(flag → values given, the other words). `short`: `n=name`, between spaces. `stop`: flags end at the first other word."""
    takes, plain = set(values.split()), set(switches.split())
    long = dict(pair.split("=") for pair in short.split())
    found: dict[str, list[str]] = {}
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            rest += left
            break
        if not word.startswith("-") or word == "-":
            rest.append(word)
            if stop:
                rest += left
                break
            continue
        if word.startswith("--"):
            name, eq, value = word[2:].partition("=")
            if name in plain:
                found.setdefault(name, []).append(value or "true")
            elif name in takes:
                found.setdefault(name, []).append(value if eq else _next(left, word))
            else:
                raise Usage(f"unknown flag: --{name}")
            continue
        letters = word[1:]
        while letters:
            name = long.get(letters[0], "")
            if name in plain:
                found.setdefault(name, []).append("true")
                letters = letters[1:]
            elif name in takes:
                value = letters[1:].removeprefix("=") or _next(left, word)
                found.setdefault(name, []).append(value)
                letters = ""
            else:
                raise Usage(f"unknown shorthand flag: '{letters[0]}' in {word}")
    return found, rest


def _next(left: list[str], word: str) -> str:
    if not left:
        raise Usage(f"flag needs an argument: {word}")
    return left.pop(0)


def last(found: dict[str, list[str]], name: str, default: str = "") -> str:
    return found[name][-1] if name in found else default


def on(found: dict[str, list[str]], name: str) -> bool:
    return last(found, name) == "true"


def pairs(given: list[str]) -> dict[str, str]:
    """`key=value` words."""
    return {key: value for key, _, value in (word.partition("=") for word in given)}


def matches(filters: list[str], fits: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether a thing passes `--filter` words: `label=k[=v]`, else `key=value` by prefix or `^…$` as docker does."""
    asked: dict[str, list[str]] = {}
    for word in filters:
        key, _, value = word.partition("=")
        if key == "label":
            name, eq, wanted = value.partition("=")
            if name not in labels or (eq and labels[name] != wanted):
                return False
        elif key in fits:
            asked.setdefault(key, []).append(value)
        else:
            raise Usage(f"invalid filter '{key}'")
    return all(any(re.search(value, fits[key]) for value in values) for key, values in asked.items())
