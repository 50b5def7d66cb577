"""Verbs: what is guessed of a wrong one, aliases, help, and errors of usage."""

from __future__ import annotations

import pytest

from mngr.cli import main
from mngr.cli.suggest import verb


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("delete", "destroy"), ("remove", "destroy"), ("destory", "destroy"), ("attach", "connect"), ("lits", "list"),
        ("status", "list"), ("kill", "stop"), ("run", "create"), ("new", "create"), ("resume", "start"), ("log", "logs"),
        ("inspect", "show"), ("conn", "connect"), ("delte", "destroy"), ("prune", "gc"), ("xyzzy", ""), ("nope", ""),
    ],
)  # fmt: skip
def test_the_verb_that_was_likely_meant(word: str, meant: str) -> None:
    assert verb(word, main.VERBS) == meant


@pytest.mark.parametrize(("alias", "of"), [("ls", "list"), ("ps", "list"), ("rm", "destroy")])
def test_aliases(capsys: pytest.CaptureFixture[str], alias: str, of: str) -> None:
    assert main.run([of, "--help"]) == 0
    said = capsys.readouterr().out
    assert main.run([alias, "--help"]) == 0
    assert capsys.readouterr().out == said.replace(f"Usage: mngr {of}", f"Usage: mngr {alias}")


def test_help_of_a_verb_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for path in ([], ["list"], ["snapshot", "create"], ["ovh", "list"]):
        assert main.run([*path, "--help"]) == 0
        said = capsys.readouterr().out
        assert main.run(["help", *path]) == 0
        assert capsys.readouterr().out == said
    assert main.run(["help", "lits"]) == 2
    assert capsys.readouterr().err == "mngr: there is no verb 'lits'\n  → did you mean list?\n"
    assert main.run(["help", "list", "x"]) == 2
    assert main.run(["help", "snapshot", "x"]) == 2


def test_the_help_shows_aliases_and_the_verbs_of_backends(capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["--help"])
    said = capsys.readouterr().out
    assert "list, ls, ps" in said
    assert "destroy, rm" in said
    assert "mngr ovh --help" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["list", "--stat", "x"], "mngr: there is no option --stat\n  → did you mean --state or --sort or --watch?\n"),
        (["send", "a1", "--strat"], "mngr: there is no option --strat\n  → did you mean --start or --format?\n"),
        (["send", "a1", "-x y"], "mngr: there is no option -x\n  → a text that begins with - comes by -m TEXT\n"),
        (["stop"], "mngr: missing argument 'NAME…'\n  → `mngr stop --help` shows what it takes\n"),
        (["list", "--sort"], "mngr: option '--sort' requires an argument\n  → `mngr list --help` shows what it takes\n"),
        (["snapshot", "lst"], "mngr: there is no verb 'lst'\n  → did you mean list?\n"),
        (["snapshot", "xyz"], "mngr: there is no verb 'xyz'\n  → `mngr snapshot --help` shows what it takes\n"),
    ],
)  # fmt: skip
def test_wrong_usage_is_said_as_all_errors_are(
    capsys: pytest.CaptureFixture[str], args: list[str], said: str
) -> None:
    assert main.run(args) == 2
    assert capsys.readouterr().err == said
