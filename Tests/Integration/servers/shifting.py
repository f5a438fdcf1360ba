# SPDX-License-Identifier: Apache-2.0
"""A stdio server whose lists are a file: `shifting.py FILE`, JSON of {"tools": [...], "prompts": [...]}.

The file is read for each list. SIGUSR1 announces that the tools changed. With "restless": true the first
tool's description counts its listings; with "broken": true there is no list in the answer. Calls are answered with "label".
"""

import json
import os
import signal
import sys

path = sys.argv[1]
listings = 0


def send(message):
    os.write(1, (json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode())


def tools(offer):
    global listings
    listings += 1
    if offer.get("broken"):
        return {}
    if offer.get("restless"):
        offer["tools"][0]["description"] = f"listing {listings}"
    return {"tools": offer["tools"]}


def answer(method, params):
    with open(path) as file:
        offer = json.load(file)
    if method == "initialize":
        capabilities = {"tools": {"listChanged": True}, "prompts": {}, "resources": {}}
        info = {"name": "shifting", "version": "1"}
        return {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info}
    if method == "tools/list":
        return tools(offer)
    if method == "prompts/list":
        return {"prompts": offer.get("prompts", [])}
    if method == "resources/list":
        return {"resources": [{"uri": "shift://all", "name": "all"}]}
    if method == "resources/templates/list":
        return {"resourceTemplates": []}
    if method == "resources/read":
        return {"contents": [{"uri": params["uri"], "text": "read"}]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": offer.get("label", f"called {params['name']}")}]}
    if method == "ping":
        return {}
    return None


signal.signal(signal.SIGUSR1, lambda *_: send({"method": "notifications/tools/list_changed"}))
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message or "method" not in message:
        continue
    result = answer(message["method"], message.get("params") or {})
    if result is None:
        send({"id": message["id"], "error": {"code": -32601, "message": "unknown method"}})
    else:
        send({"id": message["id"], "result": result})
