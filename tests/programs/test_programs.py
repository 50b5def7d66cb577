"""The four programs that types ship for, side by side: a worker each."""

from .phases import Phases
from .programs import CLAUDE, CODEX, GEMINI, OPENCODE


class TestClaude(Phases):
    program = CLAUDE


class TestCodex(Phases):
    program = CODEX


class TestGemini(Phases):
    program = GEMINI


class TestOpencode(Phases):
    program = OPENCODE
