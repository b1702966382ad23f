"""chainlit's own chat page over the model of a test."""

import chainlit
from ask_model import pieces


@chainlit.on_message
async def answer(message: chainlit.Message):
    reply = chainlit.Message(content="")
    for piece in pieces(message.content):
        await reply.stream_token(piece)
    await reply.send()
