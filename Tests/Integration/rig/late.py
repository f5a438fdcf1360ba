# SPDX-License-Identifier: Apache-2.0
"""Servers that take their time, as their test tells them to: in each era, over HTTP and stdio."""

import contextlib
import json

from rig.gateway import native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.rpc import MODERN

KINDS = [(era, wire) for era in ("modern", "legacy") for wire in ("http", "stdio")]


class Late:
    """One replica: its mood, and what happened to it."""

    def __init__(self, label, folder, events, era="modern", wire="http"):
        self.label, self.events, self.era, self.wire = label, events, era, wire
        self.path = folder / f"{label}.mood"
        self.mood("well")
        self.switches = ["--label", label, "--mood", self.path, "--era", era]
        self.start, self.http = events.mark(), None

    def mood(self, mood):
        # In one step: the server must not see half of it.
        new = self.path.with_suffix(".new")
        new.write_text(mood)
        new.rename(self.path)

    def place(self, stack):
        """Starts it, where the gateway does not, and says where it is."""
        if self.wire == "http":
            self.http = stack.enter_context(HttpServer("late", *self.switches, events=self.events))
            return {"url": self.http.url}
        return stdio(server_command("late", "--stdio", *self.switches, events=self.events))

    def begun(self, mark=None):
        """Waits until a call has reached it."""
        return self.events.wait("begun", self.start if mark is None else mark, label=self.label)

    def cancelled(self, mark=None):
        """Waits until it was told that nobody waits for its answer any more, in the words of its era and transport."""
        mark = self.start if mark is None else mark
        if (self.era, self.wire) == ("modern", "http"):
            return self.events.wait("disconnected", mark, label=self.label, method="tools/call")
        return self.events.wait("message", mark, label=self.label, method="notifications/cancelled")

    @property
    def calls(self):
        self.events.settled()
        return len(self.events.since(self.start, "begun", label=self.label))


class Lates:
    """Gateways with one server `s` of such replicas."""

    def __init__(self, folder, clients, events):
        self.folder, self.clients, self.events = folder, clients, events

    @contextlib.contextmanager
    def run(self, labels="ab", era="modern", wire="http", runtime=None, client=MODERN, more=None, blocks=None, **server):
        with contextlib.ExitStack() as stack:
            lates = [Late(label, self.folder, self.events, era, wire) for label in labels]
            places = [late.place(stack) for late in lates]
            entry = {"replicas": places, **server} if len(places) > 1 else {**places[0], **server}
            config = native({"s": entry, **(more or {})}, **(blocks or {}))
            config["runtime"].update(runtime or {})
            gateway = stack.enter_context(serving(write(self.folder / "c.yaml", config)))
            gateway.listed("s")
            eventually(lambda: all_up(gateway, len(labels)))
            link = stack.enter_context(self.clients.open("raw-" + client, url=gateway.url))
            yield gateway, link, *lates


def detail(gateway, server="s"):
    return json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"][server]


def counters(gateway):
    return json.loads(gateway.get("/healthz")[1])["counters"]


def all_up(gateway, count):
    states = [endpoint["state"] for endpoint in detail(gateway)["endpoints"]]
    assert states == ["up"] * count, states
