# SPDX-License-Identifier: Apache-2.0
"""A small MCP server over stdio whose tools do to their own process what happens to processes.

Answers in the order in which calls end: each runs in a thread. Only the standard library: it starts at once.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

LOCK = threading.Lock()
KEPT = []


def send(message):
    line = (json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode()
    with LOCK:
        os.write(1, line) if len(line) < 4096 else sys.stdout.buffer.raw.write(line)


def descendants(how):
    """Starts what a careless wrapper leaves behind; the pids of what should be found and ended."""
    script = {
        "background": "sleep 1000 & echo $!",
        "session": "setsid sleep 1000 & echo $!",
        "double": "(setsid sh -c 'sleep 1000 >&- & echo $!')",
        "daemon": "(setsid sh -c '(setsid sleep 1000 >&- 2>&- & echo $!)') ",
        "deaf": "(trap '' TERM HUP INT; setsid sleep 1000 & echo $!)",
    }[how]
    done = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    pid = int(done.stdout.readline())
    done.wait()
    return pid


def swarm(generations):
    """Twice as many processes with each generation, in sessions of their own; only the last one stays."""
    script = f"import os, sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import process_server as p"
    subprocess.Popen([sys.executable, "-S", "-c", f"{script}; p.breed({generations})"], stdin=subprocess.DEVNULL)
    return "swarming"


def breed(generations):
    """In a process of its own: forks until a limit stops it."""
    for _ in range(generations):
        for _ in range(2):
            if os.fork() == 0:
                os.setsid()
                break
        else:
            os._exit(0)  # a parent that is gone: its children are nobody's
    os.execvp("sleep", ["sleep", "1000"])


def tool(name, a):
    """The text that a tool answers."""
    if name == "work":
        time.sleep(a.get("seconds", 0))
        return a.get("text", "done")
    if name == "pid":
        return str(os.getpid())
    if name == "leave":
        return json.dumps([descendants(how) for how in a["how"]])
    if name == "grow":
        KEPT.append(bytearray(os.urandom(1)) * (a["mib"] << 20))
        return "grown"
    if name == "bomb":
        pids = []
        for _ in range(a["count"]):
            pids.append(subprocess.Popen(["sleep", "1000"]).pid)
        return str(len(pids))
    if name == "swarm":
        return swarm(a["generations"])
    if name == "burn":
        until = time.process_time() + a["seconds"]
        while time.process_time() < until:
            pass
        return "burnt"
    if name == "flood":
        line = b"flood " * 100 + b"\n"
        for _ in range(a["lines"]):
            os.write(2, line)
        return "flooded"
    if name == "shut":
        os.close({"in": 0, "out": 1}[a["side"]])
        return "shut"
    if name == "write":
        with open(a["path"], "w") as file:
            file.write("written")
        return "written"
    if name == "connect":
        import socket

        socket.create_connection(("127.0.0.1", a["port"]), 2).close()
        return "connected"
    if name == "die":
        for number in range(a.get("lines", 0)):
            os.write(2, f"last words {number}\n".encode())
        os.kill(os.getpid(), a.get("signal", signal.SIGKILL))
    raise ValueError(f"no tool {name}")


def answer(message, options):
    method, params = message["method"], message.get("params") or {}
    if method == "server/discover" and options.modern:
        return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0}
    if method == "initialize" and not options.modern:
        time.sleep(options.slow)
        return {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "process", "version": "1"},
        }
    if method == "tools/list":
        names = "work pid leave grow bomb swarm burn flood shut write connect die".split()
        return {"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in names], "ttlMs": 0}
    if method == "tools/call":
        try:
            text, failed = tool(params["name"], params.get("arguments") or {}), False
        except (OSError, MemoryError, ValueError) as e:
            text, failed = f"{type(e).__name__}: {e}", True
        return {"content": [{"type": "text", "text": text}], "isError": failed}
    return None


def handle(message, options):
    result = answer(message, options)
    if result is None:
        return send({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})
    if options.modern:
        result["resultType"] = "complete"
    send({"id": message["id"], "result": result})


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--modern", action="store_true")
    p.add_argument("--slow", type=float, default=0, help="seconds before initialize is answered")
    p.add_argument("--sleepy", type=float, default=0, help="seconds before anything is read")
    p.add_argument("--mark")
    options = p.parse_args()
    time.sleep(options.sleepy)
    greeted = options.modern
    for line in sys.stdin.buffer:
        message = json.loads(line)
        greeted = greeted or message.get("method") == "notifications/initialized"
        if "id" not in message or "method" not in message:
            continue
        if not greeted and message["method"] not in ("initialize", "server/discover", "ping"):
            send({"id": message["id"], "error": {"code": -32600, "message": "not initialized"}})
            continue
        if message["method"] == "tools/call":
            threading.Thread(target=handle, args=(message, options), daemon=True).start()
        else:
            handle(message, options)


if __name__ == "__main__":
    main()
