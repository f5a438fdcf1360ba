# SPDX-License-Identifier: Apache-2.0
"""The four fixture servers behind one gateway, every wire recorded: what the pair tests run on."""

import contextlib

from rig import places
from rig.gateway import Gateway, native, stdio, write
from rig.peers import MODERN_CLIENTS, HttpServer, server_command
from rig.tee import Tee
from rig.wire_proxy import RecordingProxy

SERVERS = {
    "sdk2-http": ("sdk2", False),
    "sdk2-stdio": ("sdk2", True),
    "sdk1-http": ("sdk1", False),
    "sdk1-stdio": ("sdk1", True),
}


def possible(client, server):
    """Whether a pair can work at all: through the gateway always, directly only within an era."""
    return not (
        places.DIRECT and server.startswith("sdk1") and client in MODERN_CLIENTS and client != "sdk2-auto"
    )


class Fleet:
    """Servers, gateway and recorders. open() gives a client of any kind to any server; clients are kept."""

    def __init__(self, clients, events, folder, **blocks):
        self.clients, self.events, self.folder = clients, events, folder
        self.stack, self.opened, self.tees, self.proxies = contextlib.ExitStack(), {}, {}, {}
        servers, self.urls = {}, {}
        for name, (kind, is_stdio) in SERVERS.items():
            if is_stdio:
                command = server_command(kind, "--stdio", "--label", name, events=events)
                self.tees[name] = Tee(command, folder / f"{name}.log", f"gateway to {name}")
                servers[name] = stdio(self.tees[name].command)
            else:
                server = self.stack.enter_context(HttpServer(kind, "--label", name, events=events))
                self.urls[name] = server.url
                self.proxies[name] = RecordingProxy(server.url, f"gateway to {name}")
                self.stack.callback(self.proxies[name].close)
                servers[name] = {"url": self.proxies[name].url}
        if places.DIRECT:
            return
        self.gateway = Gateway(write(folder / "pairs.yaml", native(servers, **blocks)))
        self.front = RecordingProxy(self.gateway.url, "client to gateway")

    def open(self, client, server, **more):
        """A client of that kind on `/mcp/servers/SERVER` (directly on the server without a gateway)."""
        if (client, server) not in self.opened:
            if not places.DIRECT:
                link = self.clients.open(client, url=f"{self.front.base}/mcp/servers/{server}", **more)
            elif server in self.urls:
                link = self.clients.open(client, url=self.urls[server])
            else:
                kind = SERVERS[server][0]
                link = self.clients.open(
                    client, command=server_command(kind, "--stdio", "--label", server, events=self.events)
                )
            self.opened[client, server] = link
        return self.opened[client, server]

    def wires(self):
        """All recorded wires; those to stdio servers are read from the tees' logs."""
        if places.DIRECT:
            return []
        return (
            [self.front.wire]
            + [p.wire for p in self.proxies.values()]
            + [t.wire() for t in self.tees.values()]
        )

    def check(self):
        """Fails with every schema violation seen since the last check."""
        found = []
        for wire in self.wires():
            found += wire.violations
        for wire in [self.front.wire] + [p.wire for p in self.proxies.values()] if not places.DIRECT else []:
            wire.violations.clear()
        return found

    def close(self):
        for link in self.opened.values():
            link.close()
        if not places.DIRECT:
            self.front.close()
            self.gateway.stop()
        self.stack.close()
