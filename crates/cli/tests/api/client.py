"""A client of the protocol for models: lists the tools, hands a patch in, follows it to its branch."""

import asyncio
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

TOOLS = {"register_intent", "propose_patch", "verify_patch", "get_intent", "list_intents", "usage"}


async def talk(read, write):
    async with ClientSession(read, write) as session:
        await session.initialize()
        listed = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(listed) == TOOLS, listed
        assert listed["propose_patch"].output_schema, "no schema of the answer"
        patch = os.environ["PATCH"]

        verified = await session.call_tool("verify_patch", {"patch": patch, "text": "only a check"})
        assert not verified.is_error, verified
        assert verified.structured_content["attempts"][0]["verification"] == "verified", verified

        made = await session.call_tool("propose_patch", {"patch": patch, "text": "Add a comma"})
        assert not made.is_error, made
        view = made.structured_content
        for _ in range(20):
            shown = await session.call_tool("get_intent", {"id": view["id"], "wait_seconds": 20})
            view = shown.structured_content
            if view["at_rest"]:
                break
        ids = [row["id"] for row in (await session.call_tool("list_intents", {})).structured_content["intents"]]
        assert view["id"] in ids and len(ids) == 2, ids
        refused = await session.call_tool("usage", {})
        assert refused.is_error and "forbidden" in refused.content[0].text, refused
        unknown = await session.call_tool("get_intent", {"id": "0199aaaa-0000-7000-8000-000000000000"})
        assert unknown.is_error and "not-found" in unknown.content[0].text, unknown
        print(view["status"], view["branch"])


async def main():
    if sys.argv[1] == "stdio":
        server = StdioServerParameters(command=sys.argv[2], args=["mcp"], env=dict(os.environ))
        async with stdio_client(server) as (read, write):
            await talk(read, write)
    else:
        headers = {"Authorization": "Bearer " + os.environ["CODEX_TASK_KEY"]}
        async with create_mcp_http_client(headers=headers) as client:
            async with streamable_http_client(sys.argv[2], http_client=client) as (read, write):
                await talk(read, write)


asyncio.run(main())
