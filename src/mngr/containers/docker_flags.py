"""The flags of `docker run` and `docker build`: which of them take a value, to read a user's words as docker will.

After docker's reference: https://docs.docker.com/reference/cli/docker/container/run/ and …/image/build/.
"""

import re
from collections.abc import Iterator, Sequence

from mngr.model.errors import InvalidInput


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RUN_VALUES = _words(
    """add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile
    cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems
    detach-keys device device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops dns
    dns-opt dns-option dns-search domainname entrypoint env env-file expose gpus group-add health-cmd health-interval
    health-retries health-start-interval health-start-period health-timeout hostname io-maxbandwidth io-maxiops ip ip6
    ipc isolation kernel-memory label label-file link link-local-ip log-driver log-opt mac-address memory
    memory-reservation memory-swap memory-swappiness mount name net net-alias network network-alias oom-score-adj pid
    pids-limit platform publish pull restart runtime security-opt shm-size stop-signal stop-timeout storage-opt sysctl
    tmpfs ulimit user userns uts volume volume-driver volumes-from workdir"""
)
RUN_SWITCHES = _words(
    """detach disable-content-trust help init interactive no-healthcheck oom-kill-disable privileged publish-all quiet
    read-only rm sig-proxy tty use-api-socket"""
)
RUN_SHORT = {
    "a": "attach", "c": "cpu-shares", "d": "detach", "e": "env", "h": "hostname", "i": "interactive", "l": "label",
    "m": "memory", "p": "publish", "P": "publish-all", "q": "quiet", "t": "tty", "u": "user", "v": "volume",
    "w": "workdir",
}  # fmt: skip
#: What a switch may be given as a value.
_TRUTHS = _words("1 0 t f T F true false TRUE FALSE True False")
BUILD_VALUES = _words(
    """add-host allow annotation attest build-arg build-context builder cache-from cache-to call cgroup-parent
    cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems file iidfile isolation label memory memory-swap
    metadata-file network no-cache-filter output platform policy progress provenance sbom secret security-opt shm-size
    ssh tag target ulimit"""
)
BUILD_SWITCHES = _words(
    "check compress debug disable-content-trust force-rm help load no-cache pull push quiet rm squash stream"
)
BUILD_SHORT = {
    "c": "cpu-shares",
    "D": "debug",
    "f": "file",
    "m": "memory",
    "o": "output",
    "q": "quiet",
    "t": "tag",
}


def read(
    words: Sequence[str],
    values: frozenset[str],
    switches: frozenset[str],
    short: dict[str, str],
    *,
    what: str,
) -> Iterator[tuple[str, str, list[str]]]:
    """(long name, value, the words to pass on) of each flag; the name is "" for a word that is no flag.

    `-m4g`, `-m 4g`, `--memory=4g`, `--memory 4g` are taken as docker takes them; also `--memory 4g` given as one
    word. Raises InvalidInput, calling the words `what`, on an unknown flag, a missing value, a switch with a wrong one.
    """
    left = [part for word in words for part in _parts(word, values, short, what)]
    while left:
        word = left.pop(0)
        if not word.startswith("-") or word == "-":
            yield "", word, [word]
            continue
        if word == "--":
            raise InvalidInput(f"{what} -- can't be used")
        if word.startswith("--"):
            name, eq, value = word[2:].partition("=")
        else:
            name, eq, value = _short(word, short, switches, what)
        _known(name, values, switches, what, word)
        if name in switches and eq and value not in _TRUTHS:
            raise InvalidInput(f"{what} {word} takes no value", hint=f"write --{name}")
        if name in values and not eq:
            if not left or _is_flag(left[0], values, switches):
                raise InvalidInput(f"{what} {word} lacks its value", hint=f"write --{name}=VALUE")
            value = left.pop(0)
            yield name, value, [word, value]
        else:
            yield name, value, [word]


def _parts(word: str, values: frozenset[str], short: dict[str, str], what: str) -> list[str]:
    """`--file x` typed as one word is two."""
    if not word:
        raise InvalidInput(f"an empty {what.strip()} can't be used")
    if "\0" in word:
        raise InvalidInput(f"{what} can't hold a NUL character")
    flag, space, rest = word.partition(" ")
    if space and re.fullmatch(r"--[a-z0-9-]+", flag) and flag[2:] in values:
        return [flag, rest.lstrip(" ")]
    if space and re.fullmatch(r"-[A-Za-z]", flag) and short.get(flag[1:]) in values:
        return [flag, rest.lstrip(" ")]
    return [word]


def _short(word: str, short: dict[str, str], switches: frozenset[str], what: str) -> tuple[str, str, str]:
    """`-m4g` → memory, `=`, 4g; `-m` → memory. Clusters of switches (`-it`) aren't of use here."""
    name = short.get(word[1])
    if name is None or (name in switches and len(word) > 2):
        raise InvalidInput(f"{what} {word} isn't one that docker knows", hint="write it as --name=value")
    rest = word[2:]
    return name, "=" if rest else "", rest.removeprefix("=")


def _known(name: str, values: frozenset[str], switches: frozenset[str], what: str, word: str) -> None:
    if name in values or name in switches:
        return
    import difflib

    near = difflib.get_close_matches(name, sorted(values | switches), n=1, cutoff=0.75)
    raise InvalidInput(
        f"unknown {what} {word}",
        hint=f"did you mean --{near[0]}?"
        if near
        else "it is none of docker's flags that mngr knows (Docker 28)",
    )


def _is_flag(word: str, values: frozenset[str], switches: frozenset[str]) -> bool:
    """Whether a word that stands where a value should is a flag of its own."""
    return word.startswith("--") and word[2:].partition("=")[0] in values | switches


#: A reference as docker takes it: [registry[:port]/]path[:tag][@digest], or an image's id.
_IMAGE = re.compile(
    r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?)/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?\Z"
)


def check_image(image: str) -> str:
    """`image` itself, if docker can read it as an image's name. Raises InvalidInput."""
    if not (_IMAGE.match(image) or re.fullmatch(r"sha256:[0-9a-f]{64}", image)) or len(image) > 400:
        raise InvalidInput(
            f"{image!r} isn't an image's name",
            hint="write [registry/]name[:tag] in lower case, e.g. debian:bookworm-slim",
        )
    return image
