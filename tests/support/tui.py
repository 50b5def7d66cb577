"""A small program that is talked to as coding agents are: `python tui.py RECEIVED [OPTION=VALUE …]`, to be run in a terminal.

It shows `> ` and what is typed there, knows bracketed paste, and writes each message that it got as a line of JSON to the file
RECEIVED. It takes an Enter that comes within `swallow` seconds of a paste for a line end. After a message it works for `busy`
seconds (`Working (esc to interrupt)` and its title say so); a message `ask` has it ask for permission, which `y`, `n` or a digit
answers; `question` for words. `slow`: so long (s) its prompt isn't there at the start. `late`: so long (s) after its prompt it
knows no bracketed paste yet. `stalls`: so long it draws, and doesn't read. `covers`: while it works its prompt isn't there. `doubles`: above
its prompt stands a line like it. `deaf`:
it never reads. `hides`: of text that is pasted it shows `[Pasted N characters]`. `alternate`: it takes the whole screen.
"""

import json
import os
import select
import sys
import termios
import time
import tty


def main() -> None:
    received, *words = sys.argv[1:]
    options = dict(word.split("=", 1) for word in words)
    swallow, busy, slow, late = (float(options.get(name, 0)) for name in ("swallow", "busy", "slow", "late"))
    tty.setraw(0, termios.TCSANOW)
    out = os.fdopen(1, "w", newline="")
    if "alternate" in options:
        out.write("\033[?1049h")
    print("starting", end="\r\n", file=out, flush=True)
    time.sleep(slow)
    if not late:
        out.write("\033[?2004h")
    if "deaf" in options:
        out.write("> ")
        out.flush()
        time.sleep(1000)
    said: list[str] = []
    prompt, asks, pasting, last_paste, until, pending = "", "", False, 0.0, 0.0, b""

    def draw() -> None:
        works = time.monotonic() < until
        lines = ["a small program", *said[-8:]]
        if works:
            lines.append("Working (esc to interrupt)")
        if "doubles" in options:
            lines.append(">")
        if asks == "permission":
            lines += ["Do you want to do that?", "1. Yes", "2. No", "Enter confirms"]
        elif asks == "question":
            lines += ["Which one?", f"? {prompt}"]
        elif not (works and "covers" in options):
            shown = (
                f"[Pasted {len(prompt)} characters]" if "hides" in options and len(prompt) > 100 else prompt
            )
            lines += [f"> {line}" if i == 0 else f"  {line}" for i, line in enumerate(shown.split("\n"))]
        title = "asks" if asks else "works" if works else "ready"
        out.write(f"\033]0;{title}\007\033[H\033[2J" + "\r\n".join(lines[-40:]))
        out.flush()

    def got(kind: str, text: str) -> None:
        with open(received, "a", encoding="utf-8") as file:
            file.write(json.dumps([kind, text]) + "\n")

    draw()
    began = time.monotonic()
    while time.monotonic() - began < float(options.get("stalls", 0)):
        time.sleep(0.2)
        said = [f"for {time.monotonic() - began:.0f} s"]
        draw()
    worked = False
    while True:
        if late and time.monotonic() - began > late:
            late = 0
            out.write("\033[?2004h")
            out.flush()
        readable, _, _ = select.select([0], [], [], 0.05)
        works = time.monotonic() < until
        if works != worked:
            worked = works
            draw()
        if not readable:
            continue
        pending += os.read(0, 65536)
        while pending:
            if pending.startswith(b"\033[200~"):
                pasting, pending = True, pending[6:]
                continue
            if pending.startswith(b"\033[201~"):
                pasting, last_paste, pending = False, time.monotonic(), pending[6:]
                continue
            if (
                pending[:1] == b"\033"
                and len(pending) < 6
                and pending in (b"\033[200~"[: len(pending)], b"\033[201~"[: len(pending)])
            ):
                break
            byte, pending = pending[:1], pending[1:]
            if byte == b"\r" and not pasting:
                if time.monotonic() - last_paste < swallow:
                    prompt += "\n"
                elif asks == "permission":
                    got("enter", "")
                    asks = ""
                elif prompt.strip():
                    text = prompt.encode("latin-1").decode(errors="replace")
                    got("answer" if asks else "message", text)
                    said.append(f"you: {text[:60]!r}")
                    prompt = ""
                    asks = {"ask": "permission", "question": "question"}.get(text, "") if not asks else ""
                    until = 0.0 if asks else time.monotonic() + busy
                    if text == "exit":
                        sys.exit(3)
            elif byte == b"\r":
                prompt += "\n"
            elif asks == "permission" and not pasting:
                if byte in b"yn123":
                    got("key", byte.decode())
                    asks = ""
            elif byte == b"\033" and not pasting:
                got("escape", "")
            else:
                prompt += byte.decode("latin-1")
        draw()


main()
