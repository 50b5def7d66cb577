"""The four ways in which programs ask a model and hear it: Messages (Claude Code), Responses (Codex), generateContent
(Gemini CLI), chat completions (OpenCode). Each: what was asked, as a Question; and its answer as server-sent events."""

import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .script import Act, Call, Question, Silence, Text, Use

Json = dict[str, Any]
#: Bytes to be sent at once; a number: seconds to be silent for.
Sent = Iterator[bytes | float]


@dataclass(frozen=True)
class Dialect:
    path: re.Pattern[str]
    asked: Callable[[str, Json], Question]
    spoken: Callable[[Question, Iterable[Act]], Sent]


def _event(data: object, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"


def _texts(content: object) -> list[str]:
    """The texts of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or [] if isinstance(part, dict) and "text" in part]  # type: ignore[union-attr]


def call_of(question: Question, call: Call | Use) -> tuple[str, Json | str]:
    """The program's own tool that runs a command, and its arguments, made by what its schema asks for."""
    if isinstance(call, Use):
        return call.tool, call.arguments
    likely = [
        one
        for one in question.tools
        if re.search(r"^(bash|shell|exec|run_shell|local_shell)", one, re.IGNORECASE)
    ]
    name = min(likely, key=lambda one: "command" not in one.lower() and "bash" not in one.lower())
    schema = question.tools[name]
    arguments: Json = {}
    wait_ms = 1_000 if call.behind else 30_000
    if schema is None:  # a program in JavaScript, whose function runs commands (newer models of Codex)
        arguments = {"cmd": call.command, "yield_time_ms": wait_ms}
        if call.asking:
            arguments |= {"sandbox_permissions": "require_escalated", "justification": "as the test says"}
        return (
            name,
            f"const done = await tools.exec_command({json.dumps(arguments)}); text(done.output + 'done');",
        )
    properties = schema.get("properties", {})
    command = call.command
    if call.behind and not properties.keys() & {"run_in_background", "is_background", "yield_time_ms"}:
        command = f"{command} >/dev/null 2>&1 &"
    for key, about in properties.items():
        match key:
            case "command" | "cmd":
                arguments[key] = ["sh", "-c", command] if about.get("type") == "array" else command
            case "description" | "justification" | "reason":
                arguments[key] = "as the test says"
            case "sandbox_permissions" if call.asking:
                arguments[key] = "require_escalated"
            case "with_escalated_permissions" if call.asking:
                arguments[key] = True
            case "run_in_background" | "is_background" if call.behind:
                arguments[key] = True
            case "yield_time_ms":
                arguments[key] = wait_ms
            case "timeout" | "timeout_ms" if not call.behind:
                arguments[key] = 300_000
            case _:
                pass
    return name, arguments


# --- Messages ---


def _messages_asked(key: str, body: Json) -> Question:
    turns: list[tuple[str, str]] = []
    for message in body["messages"]:
        content = message["content"]
        who = {"user": "user", "assistant": "model"}.get(message["role"], "system")
        for part in [content] if isinstance(content, str) else content:
            if isinstance(part, dict) and part.get("type") == "tool_result":
                turns.append(("tool", json.dumps(part.get("content"))))
            else:
                turns += [(who, text) for text in _texts([part] if isinstance(part, dict) else part)]
    tools = {tool["name"]: tool.get("input_schema", {}) for tool in body.get("tools", [])}
    form = body.get("output_config", {}).get("format", {}).get("schema")
    return Question(key, turns, tools, form)


def _messages_spoken(question: Question, acts: Iterable[Act]) -> Sent:
    usage = {"input_tokens": 10, "output_tokens": 5}
    message = {
        "id": f"msg_{secrets.token_hex(8)}", "type": "message", "role": "assistant", "model": "claude-opus-4-8",
        "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    yield _event({"type": "message_start", "message": message}, "message_start")
    index, open_text, why = 0, False, "end_turn"

    def close() -> bytes:
        return _event({"type": "content_block_stop", "index": index}, "content_block_stop")

    def begin(block: Json) -> bytes:
        return _event(
            {"type": "content_block_start", "index": index, "content_block": block}, "content_block_start"
        )

    def more(delta: Json) -> bytes:
        return _event({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")

    for act in acts:
        match act:
            case Silence(seconds):
                yield seconds
            case Text(text):
                if not open_text:
                    yield begin({"type": "text", "text": ""})
                    open_text = True
                yield more({"type": "text_delta", "text": text})
            case Call() | Use():
                if open_text:
                    yield close()
                    index, open_text = index + 1, False
                name, arguments = call_of(question, act)
                yield begin(
                    {"type": "tool_use", "id": f"toolu_{secrets.token_hex(8)}", "name": name, "input": {}}
                )
                yield more({"type": "input_json_delta", "partial_json": json.dumps(arguments)})
                yield close()
                index, why = index + 1, "tool_use"
    if open_text:
        yield close()
    end = {"type": "message_delta", "delta": {"stop_reason": why, "stop_sequence": None}, "usage": usage}
    yield _event(end, "message_delta")
    yield _event({"type": "message_stop"}, "message_stop")


# --- Responses ---


def _responses_asked(key: str, body: Json) -> Question:
    turns: list[tuple[str, str]] = []
    asked = body.get("input", [])
    items: list[Json] = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    for item in items:
        if item.get("type", "message") == "message":
            who = {"user": "user", "assistant": "model"}.get(item["role"], "system")
            turns += [(who, text) for text in _texts(item["content"]) if who != "system"]
        elif str(item.get("type", "")).endswith("_output"):
            turns.append(("tool", json.dumps(item.get("output"))))
    offered = list(body.get("tools") or [])
    for item in items:
        for one in item.get("tools", []) if item.get("type") == "additional_tools" else []:
            offered += one.get("tools", [one])  # in a namespace, or not
    tools = {
        tool.get("name", tool["type"]): None if tool["type"] == "custom" else tool.get("parameters", {})
        for tool in offered
    }
    return Question(key, turns, tools, body.get("text", {}).get("format", {}).get("schema"))


def _responses_spoken(question: Question, acts: Iterable[Act]) -> Sent:
    one = f"resp_{secrets.token_hex(8)}"
    usage = {
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
    }  # fmt: skip
    output: list[Json] = []
    text = ""
    item = f"msg_{secrets.token_hex(8)}"

    def event(kind: str, **more: object) -> bytes:
        return _event({"type": kind, **more}, kind)

    def said() -> Json:
        return {
            "type": "message", "role": "assistant", "id": item,
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }  # fmt: skip

    yield event("response.created", response={"id": one, "status": "in_progress", "output": []})
    for act in acts:
        match act:
            case Silence(seconds):
                yield seconds
            case Text(more):
                if not text:
                    begun = {"type": "message", "role": "assistant", "id": item, "content": []}
                    yield event("response.output_item.added", output_index=0, item=begun)
                text += more
                yield event(
                    "response.output_text.delta", output_index=0, content_index=0, item_id=item, delta=more
                )
            case Call() | Use():
                name, arguments = call_of(question, act)
                called: Json = {"call_id": f"call_{secrets.token_hex(8)}", "name": name}
                if isinstance(arguments, str):
                    called |= {"type": "custom_tool_call", "input": arguments}
                else:
                    called |= {"type": "function_call", "arguments": json.dumps(arguments)}
                output.append(called)
                yield event("response.output_item.done", output_index=len(output), item=called)
    if text:
        yield event("response.output_item.done", output_index=0, item=said())
        output.insert(0, said())
    yield event(
        "response.completed", response={"id": one, "status": "completed", "output": output, "usage": usage}
    )


# --- generateContent ---


def _gemini_asked(key: str, body: Json) -> Question:
    turns: list[tuple[str, str]] = []
    for message in body.get("contents", []):
        for part in message.get("parts", []):
            if "functionResponse" in part:
                turns.append(("tool", json.dumps(part["functionResponse"].get("response"))))
            elif "text" in part:
                turns.append(("user" if message.get("role", "user") == "user" else "model", part["text"]))
    tools = {
        one["name"]: one.get("parametersJsonSchema") or one.get("parameters") or {}
        for tool in body.get("tools", [])
        for one in tool.get("functionDeclarations", [])
    }
    config = body.get("generationConfig", {})
    return Question(key, turns, tools, config.get("responseJsonSchema") or config.get("responseSchema"))


def _gemini_spoken(question: Question, acts: Iterable[Act]) -> Sent:
    def event(parts: list[Json], **more: object) -> bytes:
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **more}
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
        return _event({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini"})

    for act in acts:
        match act:
            case Silence(seconds):
                yield seconds
            case Text(text):
                yield event([{"text": text}])
            case Call() | Use():
                name, arguments = call_of(question, act)
                yield event([{"functionCall": {"name": name, "args": arguments}}])
    yield event([{"text": ""}], finishReason="STOP")


# --- chat completions ---


def _chat_asked(key: str, body: Json) -> Question:
    who = {"user": "user", "assistant": "model", "tool": "tool"}
    turns = [
        (who[message["role"]], text)
        for message in body["messages"]
        if message["role"] in who
        for text in _texts(message.get("content"))
    ]
    tools = {
        tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in body.get("tools") or []
    }
    form = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return Question(key, turns, tools, form)


def _chat_spoken(question: Question, acts: Iterable[Act]) -> Sent:
    one = f"chatcmpl-{secrets.token_hex(8)}"

    def event(delta: Json, why: str | None = None, **more: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": why}
        return _event({
            "id": one, "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more,
        })  # fmt: skip

    yield event({"role": "assistant", "content": ""})
    why = "stop"
    for act in acts:
        match act:
            case Silence(seconds):
                yield seconds
            case Text(text):
                yield event({"content": text})
            case Call() | Use():
                name, arguments = call_of(question, act)
                function = {"name": name, "arguments": json.dumps(arguments)}
                called = {
                    "index": 0,
                    "id": f"call_{secrets.token_hex(8)}",
                    "type": "function",
                    "function": function,
                }
                yield event({"tool_calls": [called]})
                why = "tool_calls"
    yield event({}, why, usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
    yield b"data: [DONE]\n\n"


DIALECTS = (
    Dialect(re.compile(r"/v1/messages$"), _messages_asked, _messages_spoken),
    Dialect(re.compile(r"/responses$"), _responses_asked, _responses_spoken),
    Dialect(re.compile(r":(streamGenerateContent|generateContent)$"), _gemini_asked, _gemini_spoken),
    Dialect(re.compile(r"/chat/completions$"), _chat_asked, _chat_spoken),
)
