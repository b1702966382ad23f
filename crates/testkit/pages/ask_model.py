"""What both chat pages stand on: asks the model of a test and gives its answer in pieces, as models give them."""

import json
import os
import urllib.request


def pieces(question):
    body = {"model": "scripted", "messages": [{"role": "user", "content": question}]}
    url = os.environ["MODEL_URL"] + "/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = json.load(answer)["choices"][0]["message"]["content"]
    for start in range(0, len(text), 40):
        yield text[start : start + 40]
