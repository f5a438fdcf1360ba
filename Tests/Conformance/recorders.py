# SPDX-License-Identifier: Apache-2.0
"""Further recorders: a stdio wire that can be read while it grows, an address that nobody may fetch."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from clients.driver import Json
from rig.schema import revision
from rig.tee import Tee
from rig.wire import Wire


def widen() -> None:
    """The published schemas allow only integers in the content of a form's answer, where the specification's
    own definition, and the official suite, have numbers."""
    for version in ("2025-06-18", "2025-11-25", "2026-07-28"):
        content = revision(version).defs["ElicitResult"]["properties"]["content"]
        values = content["additionalProperties"]
        for kind in values.get("anyOf", [values]):
            if "integer" in kind.get("type", []):
                kind["type"] = ["number" if t == "integer" else t for t in kind["type"]]


class Canary:
    """An HTTP server that nobody may ever ask for anything."""

    def __init__(self) -> None:
        self.fetched = fetched = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fetched.append(self.path)
                self.send_error(404)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class LiveTee(Tee):
    """A recorder of a stdio server whose wire can be read while it grows."""

    def __init__(self, command: list[str], log: Path, name: str) -> None:
        super().__init__(command, log, name)
        self.live, self.pending, self.read = Wire(name), dict[Any, Any](), 0

    def advance(self) -> Wire:
        """The wire with everything that was said up to now."""
        if not Path(self.log).exists():
            return self.live
        with open(self.log, "rb") as lines:
            lines.seek(self.read)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self.read += len(line)
                self.take(json.loads(line))
        return self.live

    def take(self, entry: Json) -> None:
        try:
            message = json.loads(entry["line"])
        except ValueError:
            self.live.complain(entry["line"][:200], ["not JSON"])
            return
        if entry["from"] == "client":
            self.live.sent(message, None, self.pending)
            if isinstance(message, dict) and "method" in message and "id" in message:
                self.pending["version"] = self.live.version_of(message, None, self.pending)
        else:
            self.live.received(message, None, self.pending)
