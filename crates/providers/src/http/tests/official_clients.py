"""Holds requests against the parameter types of the official Python clients, which are made from the services' own
descriptions. Reads lines of {"wire": ..., "body": ...}; prints one line for each request that does not fit."""

import json
import sys

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

TYPES = {
    "openai-chat": TypeAdapter(CompletionCreateParamsNonStreaming),
    "openai-responses": TypeAdapter(ResponseCreateParamsNonStreaming),
    "anthropic-messages": TypeAdapter(MessageCreateParamsNonStreaming),
}


def consume(value):
    """The clients' types have iterables in them, which are looked at only when they are read."""
    if isinstance(value, dict):
        for inner in value.values():
            consume(inner)
    elif not isinstance(value, (str, bytes, int, float, type(None))):
        for inner in value:
            consume(inner)


count = 0
for line in sys.stdin:
    request = json.loads(line)
    count += 1
    try:
        consume(TYPES[request["wire"]].validate_python(request["body"], extra="forbid"))
    except ValidationError as error:
        print(f"{count} {request['wire']}: {error.error_count()} faults: {str(error)[:2000]!r}")
print(f"read {count}")
