# SPDX-License-Identifier: Apache-2.0
"""What a test sees of any client, whichever SDK is behind it."""

import queue
import time

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"


class RpcError(Exception):
    """A JSON-RPC error answer."""

    def __init__(self, code, message, data=None):
        super().__init__(f"{code} {message} {data if data is not None else ''}".strip())
        self.code, self.message, self.data = code, message, data


class Notes:
    """Notifications that a client received, in order."""

    def __init__(self):
        self.queue, self.all = queue.Queue(), []

    def put(self, method, params):
        self.all.append((method, params))
        self.queue.put((method, params))

    def clear(self):
        """Forgets what came so far."""
        while not self.queue.empty():
            self.queue.get_nowait()

    def wait(self, method, timeout=10):
        """The params of the next notification of that method; others are passed over."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                got, params = self.queue.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {method} within {timeout} s; came: {self.all}") from None
            if got == method:
                return params


class Call:
    """A request under way. `future` yields its result; `progress` fills as notifications come."""

    def __init__(self, future, cancel):
        self.future, self._cancel, self.progress = future, cancel, []

    def result(self, timeout=20):
        return self.future.result(timeout)

    def cancel(self):
        """Gives the request up in the way of its era: a notification or a closed stream."""
        self._cancel()


class Client:
    """Requests as plain JSON in, results as plain JSON out. Subclasses provide start() and close()."""

    kind = era = version = None
    server_info = capabilities = instructions = None

    def start(self, method, params=None, progress=False):
        """Sends a request; returns a Call."""
        raise NotImplementedError

    def close(self):
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @property
    def modern(self):
        return self.era == "modern"

    def request(self, method, params=None, timeout=20):
        return self.start(method, params).result(timeout)

    def call(self, name, arguments=None, meta=None, timeout=20):
        return self.start_call(name, arguments, meta).result(timeout)

    def start_call(self, name, arguments=None, meta=None, progress=False):
        params = {"name": name, "arguments": arguments or {}}
        if meta:
            params["_meta"] = meta
        return self.start("tools/call", params, progress)

    def text(self, name, arguments=None, **more):
        """The text of the only block of a successful call."""
        result = self.call(name, arguments, **more)
        assert not result.get("isError"), result
        assert [c["type"] for c in result["content"]] == ["text"], result
        return result["content"][0]["text"]

    def pages(self, method, member, limit=100):
        """All pages of a list: a list of lists of entries."""
        pages, params = [], {}
        while True:
            result = self.request(method, params)
            pages.append(result[member])
            if result.get("nextCursor") is None:
                return pages
            params = {"cursor": result["nextCursor"]}
            assert len(pages) < limit, f"{method} does not end"

    def entries(self, method, member):
        return [e for page in self.pages(method, member) for e in page]

    def tools(self):
        return {t["name"]: t for t in self.entries("tools/list", "tools")}

    def resources(self):
        return {r["uri"]: r for r in self.entries("resources/list", "resources")}

    def templates(self):
        return {t["uriTemplate"]: t for t in self.entries("resources/templates/list", "resourceTemplates")}

    def prompts(self):
        return {p["name"]: p for p in self.entries("prompts/list", "prompts")}

    def read(self, uri):
        return self.request("resources/read", {"uri": uri})

    def prompt(self, name, arguments=None):
        return self.request("prompts/get", {"name": name, "arguments": arguments or {}})

    def complete(self, ref, name, value):
        return self.request("completion/complete", {"ref": ref, "argument": {"name": name, "value": value}})[
            "completion"
        ]
