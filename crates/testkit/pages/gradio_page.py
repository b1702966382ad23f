"""gradio's own chat page over the model of a test."""

import os

import gradio
from ask_model import pieces


def answer(message, _history):
    so_far = ""
    for piece in pieces(message):
        so_far += piece
        yield so_far


gradio.ChatInterface(answer).launch(server_name="127.0.0.1", server_port=int(os.environ["PORT"]), share=False)
