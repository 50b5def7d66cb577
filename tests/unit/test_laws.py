"""Laws of the house that can be checked by reading: start-up, shells, help texts, size."""

import ast
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

import mngr
from mngr.cli.main import VERBS, command
from mngr.model import errors
from mngr.model.swept import Found, Swept

TOP = Path(__file__).resolve().parents[2]
SOURCE = Path(mngr.__file__).parent

#: Slow to import, and of no use to a command that asks no cloud.
HEAVY = {
    "pydantic", "rich", "requests", "httpx", "httpx2", "urllib3", "sqlite3", "asyncio", "ssl", "yaml", "jinja2",
    "cryptography", "tomlkit", "docker", "paramiko", "fastapi", "mcp", "libvirt", "ovh", "azure",
}  # fmt: skip

PROGRAM = """
import json, sys
from mngr.cli.main import run
try:
    code = run(sys.argv[2:])
except SystemExit as end:
    code = end.code
with open(sys.argv[1], "w") as file:
    json.dump({"code": code, "modules": sorted(sys.modules)}, file)
"""


def imported_by(folder: Path, *args: str, code: int = 0, **env: str) -> set[str]:
    """The modules in memory once `mngr ARGS` is through."""
    out = folder / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(out), *args],
        cwd=folder, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "MNGR_HOME": str(folder / "home"), **env},
    )  # fmt: skip
    assert out.exists(), done.stderr
    seen = json.loads(out.read_text())
    assert (seen["code"] or 0) == code, done.stderr
    return set(seen["modules"])


@pytest.mark.parametrize(
    "args", [["--help"], ["--version"], ["list"], ["list", "--format", "json"]], ids=" ".join
)
def test_commands_that_ask_no_cloud_import_nothing_heavy(tmp_path: Path, args: list[str]) -> None:
    modules = imported_by(tmp_path, *args)
    assert not HEAVY & modules
    assert not {name for name in modules if name.startswith("mngr.backends.") and ".local" not in name}
    assert len(modules) < 350


def test_list_with_a_config_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/config.toml").write_text("[providers.vultr]\nenabled = false\n")
    modules = imported_by(tmp_path, "list")
    assert "tomllib" in modules
    assert not HEAVY & modules


@pytest.mark.parametrize(
    "line",
    ["mngr cr", "mngr stop ", "mngr create --provider ", "mngr create a.vultr -b ", "mngr config get "],
)
def test_completion_imports_nothing_heavy(tmp_path: Path, line: str) -> None:
    modules = imported_by(tmp_path, _MNGR_COMPLETE="bash_complete", COMP_LINE=line, COMP_WORD="")
    assert "mngr.cli.completion" in modules
    assert not HEAVY & modules
    assert len(modules) < (350 if "config" in line else 250)


# --- shells ---


def python_files() -> list[Path]:
    folders = [SOURCE, TOP / "scripts", TOP / "bench"]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def shells(tree: ast.AST) -> Iterator[int]:
    """Lines that have a shell read a string that Python built."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"):
            yield node.lineno
        for keyword in node.keywords:
            if keyword.arg == "shell" and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            ):
                yield node.lineno


def test_no_shell_reads_a_string_that_python_built() -> None:
    wrong = [f"{path}:{line}" for path in python_files() for line in shells(ast.parse(path.read_text()))]
    assert not wrong


@pytest.mark.parametrize(
    "text",
    ["import os\nos.system('x')", "run('x', shell=True)", "run('x', shell=s)", "subprocess.getoutput('x')"],
)
def test_the_check_for_shells_finds_them(text: str) -> None:
    assert list(shells(ast.parse(text)))


# --- help ---


def commands() -> list[tuple[list[str], click.Command]]:
    """Every verb, and the verbs below those that are groups."""
    found: list[tuple[list[str], click.Command]] = []
    context = click.Context(command)
    for verb in VERBS:
        one = command.get_command(context, verb)  # type: ignore[attr-defined]
        assert one is not None
        found.append(([verb], one))
        if isinstance(one, click.Group):
            found += [([verb, name], below) for name, below in one.commands.items()]
    return found


@pytest.mark.parametrize(
    ("path", "verb"), commands(), ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_every_verb_s_help_has_an_example(path: list[str], verb: click.Command) -> None:
    help = verb.help or ""
    assert re.search(rf"^.*\bmngr {' '.join(path)}\b", help, re.MULTILINE), f"no example in {path}"
    assert "\b" in help, "click would wrap the example"


@pytest.mark.parametrize(
    ("path", "verb"), commands(), ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_every_option_is_described(path: list[str], verb: click.Command) -> None:
    nameless = [one.opts[-1] for one in verb.params if isinstance(one, click.Option) and not one.help]
    assert not nameless


def test_each_verb_is_a_file_of_its_own() -> None:
    for verb in VERBS:
        assert (SOURCE / "cli" / f"{verb.replace('-', '_')}.py").exists()


# --- answers are data ---

#: Two words with a blank between them; `{}` stands for a value.
SENTENCE = re.compile(r"[A-Za-z]['’,;:.]* +[A-Za-z{]|[}]['’,;:.]* +[A-Za-z]")

ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, BaseException)
}

#: Calls that take English, and don't answer with it: what makes an error or an error row, what names a phase, patterns for
#: what others say.
TAKES_WORDS = {
    *ERRORS, "Problem", "script_failed", "check_name", "check_words", "run_local", "Step", "startswith", "endswith",
    "removeprefix",
}  # fmt: skip

#: (file, function) in mngr.ops whose strings aren't answers, and what they are.
NO_ANSWERS = {
    ("pack.py", "_pack_repository"): "input of git update-ref",
    ("not_sent.py", ""): "errors' words",
    ("not_sent.py", "failure"): "errors' words",
    ("agent.py", "Agent.__repr__"): "for who debugs",
    ("host.py", "Host.__repr__"): "for who debugs",
    ("run.py", "_start_hint"): "an error's hint",
    ("run.py", "check_connection"): "an error's words",
    ("size.py", ""): "an error's hint",
    ("talk.py", "send"): "an error's hint",
}


def sentences(node: ast.AST, where: str = "") -> Iterator[tuple[str, str]]:
    """(function, text) of what is English in a module, apart from docstrings, errors, and words that are looked for."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        where = f"{where}.{node.name}".removeprefix(".")
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Raise | ast.Compare):
        return
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called.rpartition(".")[2] in TAKES_WORDS or called.startswith("re."):
            return
    if isinstance(node, ast.Constant | ast.JoinedStr) and SENTENCE.search(as_read(node)):
        yield where, as_read(node)
    if isinstance(node, ast.JoinedStr):
        below: list[ast.AST] = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
    else:
        below = list(ast.iter_child_nodes(node))
    for one in below:
        yield from sentences(one, where)


def as_read(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(as_read(one) if isinstance(one, ast.Constant) else "{}" for one in node.values)


def test_no_operation_answers_in_english() -> None:
    """What `mngr.ops` returns and tells is data; `mngr.cli` makes the sentences."""
    found = {
        (path.name, where): text
        for path in sorted((SOURCE / "ops").rglob("*.py"))
        for where, text in sentences(ast.parse(path.read_text()))
    }
    wrong = {place: text for place, text in found.items() if place not in NO_ANSWERS}
    assert not wrong
    assert not set(NO_ANSWERS) - set(found), "these can come off the list"


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    return 'not done'",
        "def f(n):\n    return f'{n} hosts'",
        "def f(n):\n    notes.append(f'host {n}')",
        "NOTES = {'a': 'it stays'}",
        "def f(n):\n    return f'{n or \"not known\"}'",
    ],
)
def test_the_check_for_sentences_finds_them(text: str) -> None:
    assert list(sentences(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        '"""What it is."""',
        "def f():\n    raise NotFound('not there', hint='look there')",
        "def f():\n    late = TimedOut(f'{1} s are over')\n    return late",
        "def f(said):\n    return 'no space left' in said",
        "def f(a, b):\n    return f'{a}: {b}'",
        "def f():\n    return ['git', 'config', '--format=%(refname) %(objectname)']",
    ],
)
def test_the_check_for_sentences_lets_the_rest_be(text: str) -> None:
    assert not list(sentences(ast.parse(text)))


def test_no_sweep_answers_in_english() -> None:
    """Whoever sweeps says in data what was come upon, backends too: `Found`."""
    wrong = [
        f"{path.relative_to(SOURCE)}: {text}"
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Found", "instead")
        for argument in [*node.args, *(one.value for one in node.keywords)]
        for _, text in sentences(argument)
    ]
    assert not wrong
    assert {one.type for one in msgspec.structs.fields(Swept)} == {list[Found]}


# --- types ---

#: (file of mngr.cli, parameter) that may be anything, and what it is.
ANYTHING = {
    ("exec.py", "frame"): "Python's, of a signal",
    ("output.py", "args"): "Python's, of a formatter",
    ("output.py", "data"): "what JSON can hold",
    ("output.py", "function"): "what click decorates",
    ("output.py", "kwargs"): "Python's, of a formatter",
    ("output.py", "value"): "what JSON can hold",
    ("output.py", "whole"): "what JSON can hold",
    ("rows.py", "value"): "what JSON can hold",
}


def test_the_command_line_knows_the_types_of_what_it_is_given() -> None:
    found = {
        (path.name, one.arg)
        for path in (SOURCE / "cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        for one in [*node.args.args, *node.args.kwonlyargs]
        if one.annotation is not None and ast.unparse(one.annotation) in ("Any", "object")
    }
    assert found == set(ANYTHING)


# --- size ---


def test_no_file_has_grown_too_long() -> None:
    """One with more than 400 lines probably has more than one reason to exist; with more than 500 it surely has."""
    sizes = {str(path.relative_to(TOP)): len(path.read_text().splitlines()) for path in python_files()}
    if long := {name: size for name, size in sizes.items() if size > 400}:
        warnings.warn(f"over 400 lines: {long}", stacklevel=1)
    assert not {name: size for name, size in sizes.items() if size > 500}
