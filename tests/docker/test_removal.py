"""What the README says of removing it all takes away whatever an instance leaves on Docker."""

import shlex
from pathlib import Path

from .conftest import RUN, Bench, clear, docker

INSTANCE = f"removed-{RUN}"


def _there() -> str:
    """All that bears the instance's label or the name of its state."""
    label = f"label=mngr.provider={INSTANCE}"
    return "\n".join(
        filter(
            None,
            [
                docker("ps", "-a", "--filter", label, "--format", "{{.Names}}"),
                docker("volume", "ls", "--filter", label, "--format", "{{.Name}}"),
                docker("image", "ls", "--filter", label, "--format", "{{.Repository}}:{{.Tag}}"),
                docker("image", "ls", "-q", f"mngr-state:{INSTANCE}"),
            ],
        )
    )


def test_the_readme_s_commands_leave_nothing_of_an_instance(tmp_path: Path, image: str) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    section = readme.split("\n## Removing it all\n")[1].split("\n## ")[0]
    commands = [
        line.partition("#")[0].strip() for line in section.splitlines() if line.startswith("    docker ")
    ]
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nRUN touch /removed-{RUN}\n")
    bench = Bench(tmp_path / "home", image, INSTANCE)
    try:
        bench.destroy(bench.create("removed", build_args=[str(tmp_path)]))
        assert f"mngr-state-{INSTANCE}" in _there()
        assert "mngr-built:" in _there()
        for command in commands:
            words = shlex.split(command.replace("mngr-state-docker", f"mngr-state-{INSTANCE}"))[1:]
            words = [word.replace("mngr-state:docker", f"mngr-state:{INSTANCE}") for word in words]
            if "prune" in words:  # but nobody else's
                words += ["--filter", f"label=mngr.provider={INSTANCE}"]
            docker(*words)
        assert _there() == ""
    finally:
        clear(INSTANCE)
