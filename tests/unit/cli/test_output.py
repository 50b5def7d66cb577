"""Results on standard output: tables, json, jsonl, templates."""

import json

import pytest

from mngr.cli.columns import span
from mngr.cli.output import check_format, write_json, write_rows
from mngr.model.errors import InvalidInput
from mngr.model.plain import plain
from mngr.providers.terminal import table

ROW = {
    "name": "a",
    "state": "running",
    "exit_code": None,
    "labels": {"team": "s"},
    "host": {"name": "h", "state": "stopped", "address": None},
}


@pytest.mark.parametrize("form", ["human", "json", "jsonl", "{name}", "x {name} {state}"])
def test_known_formats(form: str) -> None:
    assert check_format(form) == form


@pytest.mark.parametrize("form", ["yaml", "", "JSON", "name"])
def test_an_unknown_format_names_the_known(form: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_format(form)
    assert str(raised.value) == f"--format {form!r} isn't known"


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{name} {state}", "a running"),
        ("{host.name}:{host.state}", "h:stopped"),
        ("{host}", "h"),
        ("[{exit_code}][{host.address}]", "[][]"),
        ("{labels.team}", "s"),
        ("{{{name}}}", "{a}"),
        ("{name:>4}|", "   a|"),
        ("{name!r}", "'a'"),
    ],
)
def test_a_template(capsys: pytest.CaptureFixture[str], template: str, line: str) -> None:
    write_rows(template, [ROW])
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize(
    "template",
    ["{nam}", "{host.nam}", "{0}", "{}", "{name", "{host.__class__}", "{name.__class__.x}", "{name:z}"],
)
def test_a_template_that_cannot_be_filled_names_the_fields(template: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        write_rows(template, [ROW])
    assert "name, state, exit_code, labels, labels.KEY, host, host.name, host.state" in raised.value.hint


def test_a_template_reaches_no_insides(capsys: pytest.CaptureFixture[str]) -> None:
    """Attributes of Python objects (and what hangs on them) aren't fields."""
    for template in ("{name.__class__}", "{host.keys}", "{labels.__class__}", "{name.upper}"):
        with pytest.raises(InvalidInput):
            write_rows(template, [ROW])
    assert capsys.readouterr().out == ""


def test_jsonl_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows("jsonl", [ROW, {"name": "ü\n"}])
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [ROW, {"name": "ü\n"}]


def test_json_in_a_pipe_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"a": [1, "ü"]})
    assert capsys.readouterr().out == '{"a": [1, "ü"]}\n'


def test_a_table_in_a_pipe_is_whole_and_has_no_empty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table(["NAME", "NOTE", "HOST"], [["a", "", "h" * 300], ["longer", "", ""]])
    assert capsys.readouterr().out == f"NAME    HOST\na       {'h' * 300}\nlonger\n"


def test_control_sequences_do_not_get_into_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    table(["NAME"], [["a\x1b[31mb\nc"]])
    assert capsys.readouterr().out == "NAME\nab c\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (-5, "0s"), (119, "119s"), (120, "2m"), (7199, "120m"), (7200, "2h"), (200000, "2d")],
)
def test_a_span_of_time(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m\r\n", "red\n"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bx\x1b=", "x"),
        ("a\tb\x00\x08c", "a\tbc"),
        ("ünï", "ünï"),
    ],
)
def test_logs_without_control_sequences(raw: str, shown: str) -> None:
    assert plain(raw) == shown
