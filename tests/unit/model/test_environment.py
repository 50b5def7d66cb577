"""An agent's environment: what files and options may say, and that no message repeats it."""

import os
import threading
from pathlib import Path

import pytest

from mngr.model import environment
from mngr.model.errors import InvalidInput

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg+/kqhkiG9w0==\n\n-----END PRIVATE KEY-----\n"
SECRET = "hunter2hunter2"


def read(folder: Path, data: str | bytes) -> dict[str, str]:
    path = folder / "some.env"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return environment.read_file(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'KEY="{PEM}"\nB=2\n', {"KEY": PEM, "B": "2"}),
        (f"KEY='{PEM}'", {"KEY": PEM}),
        ('A="say \\"hi\\"\\nthere"', {"A": 'say "hi"\nthere'}),
        ("A='as \\n it is'", {"A": "as \\n it is"}),
        ("export A=1\n export  B = two words  \n", {"A": "1", "B": "two words"}),
        ("# a comment\n\n  # another\nA=1 # after\nB=a#b\nC='#' # x\n", {"A": "1", "B": "a#b", "C": "#"}),
        ("A=$HOME/${B}`id`\\$\nC=\"$A\"\n", {"A": "$HOME/${B}`id`\\$", "C": "$A"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=\nB=\"\"\nC= \n", {"A": "", "B": "", "C": ""}),
        ("\ufeffA=1\r\nB=\"x\r\ny\"\r\n", {"A": "1", "B": "x\ny"}),
        ('J={"a": [1, "b"]}\nU=ünï=cödé', {"J": '{"a": [1, "b"]}', "U": "ünï=cödé"}),
        ("", {}),
    ],
)  # fmt: skip
def test_a_file_is_read_as_dotenv_files_are(tmp_path: Path, text: str, found: dict[str, str]) -> None:
    assert read(tmp_path, text) == found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f"A=1\n\nB={SECRET}\nKEY=\"{SECRET}\nmore", "line 4 isn't KEY=VALUE"),
        (f"KEY=-----BEGIN\n{SECRET}\n-----END", "line 2 has no value"),
        (f"A=1\n{SECRET}-x=1\n", "line 2 isn't KEY=VALUE"),
        (f"={SECRET}\n", "line 1 isn't KEY=VALUE"),
        (f"'{SECRET} b'=1\n", "line 1 isn't KEY=VALUE"),
        (f"A='{SECRET}'{SECRET}\n", "line 1 isn't KEY=VALUE"),
        (f"A=1\nB={SECRET}\0\n", "line 2 holds a NUL"),
        (f"A={SECRET}\xff\n".encode("latin-1"), "UTF-8"),
        (f"A={SECRET}\n".encode("utf-16"), "UTF-8"),
        (f"A={SECRET}\n".encode() * 100_000, "more than 1024 kB"),
    ],
)  # fmt: skip
def test_a_line_that_can_t_be_read_is_told_by_its_number_alone(
    tmp_path: Path, data: str | bytes, said: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, data)
    assert said in str(raised.value)
    assert "some.env" in str(raised.value)
    assert SECRET not in f"{raised.value} {raised.value.hint} {raised.value.details}"


def test_a_file_may_be_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("A='1\n2'\n",))
    writer.start()
    assert environment.read_file(path) == {"A": "1\n2"}
    writer.join()


@pytest.mark.parametrize("made", ["nothing", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, made: str) -> None:
    if made == "folder":
        (tmp_path / made).mkdir()
    with pytest.raises(InvalidInput, match=made):
        environment.read_file(tmp_path / made)


@pytest.mark.parametrize(
    ("text", "pair"),
    [("A=1", ("A", "1")), ("A=", ("A", "")), ("_a1=x=y", ("_a1", "x=y")), ("K= a\n'b ", ("K", " a\n'b "))],
)
def test_a_value_that_was_typed_is_kept_byte_for_byte(text: str, pair: tuple[str, str]) -> None:
    assert environment.parse(text) == pair


@pytest.mark.parametrize(
    "text", ["hunter2", "=hunter2", "1A=hunter2", "hunter2-B=x", "A B=hunter2", "Ä=x", "A\n=x", ""]
)
def test_a_pair_that_can_t_be_used_isn_t_shown(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        environment.parse(text)
    assert "KEY=VALUE" in str(raised.value)
    assert "hunter2" not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize("key", ["A=hunter2", "ghp_hunter2", "sk-hunter2", "", "hunter2"])
def test_what_was_given_in_place_of_a_variable_s_name_isn_t_shown(key: str) -> None:
    with pytest.raises(InvalidInput, match="no variable of that name") as raised:
        environment.passed_on(key, {"OTHER": "x"})
    assert "hunter2" not in f"{raised.value} {raised.value.hint}"


def test_a_variable_that_isn_t_set_is_named() -> None:
    with pytest.raises(InvalidInput, match="--pass-env ANTHROPIC_API_KEY: "):
        environment.passed_on("ANTHROPIC_API_KEY", {})


@pytest.mark.parametrize(
    "env",
    [
        {"PATH": ""}, {"PATH": ":"}, {"PATH": "bin"}, {"HOME": ""}, {"HOME": "~"}, {"A-B": "1"}, {"A": "x\0y"},
        {"A": "\udcff"}, {"A": "x" * 131070}, {f"A{n}": "x" * 100_000 for n in range(11)},
    ],
    ids=lambda env: repr(env)[:30],
)  # fmt: skip
def test_an_environment_in_which_no_agent_runs_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        environment.check(env)


def test_an_environment_as_people_have_it_passes() -> None:
    environment.check(
        {"PATH": "/opt/x/bin:/usr/bin:/bin", "HOME": "/root", "KEY": PEM, "A": "", "B": "x" * 131069}
    )
