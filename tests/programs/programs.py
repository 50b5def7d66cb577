"""What the suite has to know of each program: how it finds the model, and how it is told that `silence` may run unasked."""

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """`env`: of the model's URL and the key; `args`: behind the type's command."""

    type: str
    env: Callable[[str, str], dict[str, str]]
    args: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its key for the model, by which the server knows it. Claude Code keeps the last 20 characters."""
        return f"sk-test-{self.type}-0123456789abcdefghij"


def _opencode(url: str, key: str) -> dict[str, str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible", "name": "test", "options": {"baseURL": f"{url}/v1", "apiKey": key},
        "models": {"m": {"name": "m"}},
    }  # fmt: skip
    config = {
        "model": "test/m", "small_model": "test/m", "provider": {"test": provider},
        "permission": {"bash": {"*": "ask", "silence *": "allow"}},
    }  # fmt: skip
    return {"OPENCODE_CONFIG_CONTENT": json.dumps(config)}


CLAUDE = Program(
    "claude",
    lambda url, key: {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": key},
    ("--permission-mode", "default", "--allowedTools", "Bash(silence:*)"),
)
CODEX = Program(
    "codex",
    lambda url, key: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": key},
    ("--sandbox", "danger-full-access", "--ask-for-approval", "on-request"),
)
GEMINI = Program("gemini", lambda url, key: {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": key})
OPENCODE = Program("opencode", _opencode)
