# SPDX-License-Identifier: Apache-2.0
"""The stage of a run: fixture servers of both eras, the gateway before them, and a recorder on every wire."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients.driver import Driver, Json
from clients.legacy import LegacyClient
from clients.modern import ModernClient
from recorders import Canary, LiveTee, widen
from rig.events import EventSink
from rig.gateway import Gateway, native, stdio, write
from rig.places import python
from rig.processes import Process, eventually
from rig.wire import Wire
from rig.wire_proxy import RecordingProxy

HERE = Path(__file__).resolve().parent
ERAS = ("modern", "legacy")
VENVS = {"modern-sdk": "sdk2", "legacy-sdk": "sdk1"}


@dataclass
class Fixture:
    """One fixture server: its era, how it was written, and over which transport it is reached."""

    name: str
    era: str
    kind: str
    transport: str
    url: str = ""
    proxy: RecordingProxy | None = None
    tee: LiveTee | None = None

    @property
    def wire(self) -> Wire:
        if self.proxy:
            return self.proxy.wire
        assert self.tee
        return self.tee.advance()


def command(name: str, events: EventSink, canary: Canary, *switches: str) -> list[str]:
    """The command line of a fixture server: modern-sdk, modern-raw, legacy-sdk, legacy-raw or picky."""
    script = "modern_raw" if name == "picky" else name.replace("-", "_")
    argv = [
        python(VENVS.get(name, "tests")),
        "-B",
        "-W",
        "ignore",
        HERE / "servers" / f"{script}.py",
        *switches,
    ]
    return [str(a) for a in (*argv, "--events", events.path, "--canary", canary.url)]


@dataclass
class Place:
    """Where a scenario runs: the era of its client, the server, and whether the gateway is between them."""

    front: str
    server: Fixture
    through: bool
    url: str
    bare: str
    back: Wire
    events: EventSink
    canary: Canary
    folder: Path
    command: list[str]
    opened: list[Driver] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)

    def tolerate(self, words: str) -> None:
        """Messages with these words are wrong on purpose, or right in a way that a recorder cannot see."""
        self.tolerated.append(words)

    def client(self, capabilities: Json | None = None, bare: bool = False, **more: Any) -> Any:
        """A client of the place's era; `bare` goes round the recorder. It is closed with the scenario."""
        kind = ModernClient if self.front == "modern" else LegacyClient
        client: Driver = kind(self.bare if bare else self.url, capabilities, **more)
        self.opened.append(client)
        return client

    @property
    def modern(self) -> bool:
        return self.front == "modern"

    @property
    def pair(self) -> tuple[str, str]:
        return self.front, self.server.era

    @property
    def label(self) -> str:
        """The name under which the server reports events."""
        return self.server.name

    def sent(self, mark: int, method: str | None = None) -> list[tuple[Json, dict[str, str]]]:
        """What the server's client (the gateway, or we) sent since a mark: (message, headers)."""
        wire = self.server.wire if self.through else self.back
        with wire.lock:
            found = [(m, h or {}) for d, m, h in wire.messages[mark:] if d == "sent"]
        return [(m, h) for m, h in found if method is None or m.get("method") == method]

    def mark(self) -> int:
        wire = self.server.wire if self.through else self.back
        return int(wire.mark())

    def close(self) -> None:
        for client in self.opened:
            with contextlib.suppress(OSError):
                client.close()


class Stage:
    """Servers, gateway and recorders of one run."""

    def __init__(self, folder: Path, direct_only: bool = False) -> None:
        widen()
        self.folder, self.stack = folder, contextlib.ExitStack()
        self.canary = Canary()
        self.stack.callback(self.canary.close)
        self.events = EventSink(folder / "events")
        self.stack.callback(self.events.close)
        self.fixtures: dict[str, Fixture] = {}
        self.direct: dict[str, RecordingProxy] = {}
        self.gateway: Gateway | None = None
        try:
            self.serve()
            if not direct_only:
                self.start_gateway()
        except BaseException:
            self.stack.close()
            raise

    def serve(self) -> None:
        """Starts the HTTP fixtures, all at once, and puts a recorder before each."""
        names = [f"{era}-{kind}" for era in ERAS for kind in ("sdk", "raw")] + ["picky"]
        started = {}
        for name in names:
            label = f"{name}-http"
            process = Process(command(name, self.events, self.canary, "--label", label), label)
            self.stack.callback(process.kill)
            started[name] = process
        for name, process in started.items():
            assert process.stdout
            port = process.stdout.wait(lambda line: line.startswith("port "), 30).split()[1]
            era, _, kind = name.partition("-")
            fixture = Fixture(f"{name}-http", "modern" if name == "picky" else era, kind or "picky", "http")
            fixture.url = f"http://127.0.0.1:{port}/mcp"
            fixture.proxy = RecordingProxy(fixture.url, f"gateway to {fixture.name}")
            self.stack.callback(fixture.proxy.close)
            self.fixtures[fixture.name] = fixture
            self.direct[fixture.name] = RecordingProxy(fixture.url, f"client to {fixture.name}")
            self.stack.callback(self.direct[fixture.name].close)

    def start_gateway(self) -> None:
        servers: Json = {name: {"url": f.proxy.url} for name, f in self.fixtures.items() if f.proxy}
        for name in [f"{era}-{kind}" for era in ERAS for kind in ("sdk", "raw")]:
            era, _, kind = name.partition("-")
            label = f"{name}-stdio"
            argv = command(name, self.events, self.canary, "--label", label, "--stdio")
            tee = LiveTee(argv, self.folder / f"{label}.log", f"gateway to {label}")
            self.fixtures[label] = Fixture(label, era, kind, "stdio", tee=tee)
            servers[label] = stdio(tee.command)
        self.gateway = Gateway(write(self.folder / "gateway.yaml", native(servers)))
        self.stack.callback(lambda: self.gateway and self.gateway.kill())
        self.front = RecordingProxy(self.gateway.url, "client to gateway")
        self.stack.callback(self.front.close)
        for name in servers:
            eventually(lambda name=name: self.listed(name), 30)

    def listed(self, name: str) -> None:
        assert self.gateway
        tools = ModernClient(self.gateway.server_url(name)).request("tools/list").ok["tools"]
        assert any(t["name"] == "test_simple_text" for t in tools), f"{name} lists nothing yet"

    def place(self, front: str, name: str, through: bool) -> Place:
        fixture, own = self.fixtures[name], name.rpartition("-")[0]
        argv = command(own, self.events, self.canary, "--label", f"{own}-own", "--stdio")
        more = self.events, self.canary, self.folder, argv
        if not through:
            proxy = self.direct[name]
            return Place(front, fixture, False, proxy.url, fixture.url, proxy.wire, *more)
        assert self.gateway
        url = f"{self.front.base}/mcp/servers/{name}"
        return Place(front, fixture, True, url, self.gateway.server_url(name), self.front.wire, *more)

    def wires(self, place: Place) -> list[Wire]:
        """The recorded wires between a place's client and its server."""
        return [place.back, place.server.wire] if place.through else [place.back]

    def close(self) -> str:
        """Ends everything, the gateway as an operator would, which is a part of the test; what failed."""
        failure = ""
        if self.gateway:
            try:
                self.gateway.stop()
            except AssertionError as e:
                failure = str(e)
            self.gateway = None
        self.stack.close()
        return failure
