# SPDX-License-Identifier: Apache-2.0
# The gateways that are measured: how each is configured and started, and the servers behind them.
"""Backends and gateways."""

import json
import os
import secrets
import time
import urllib.request

from .places import CONF
from .processes import Failure, Process, free_port, resident_kib, wait_port

ECHO, BLOB = "echo", "blob"
# What a client says that answers every kind of question, as the clients of people do.
ASKED = json.dumps({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
LIST_ID = 1000000007  # of the tools/list answer that nginx serves as a file


class Backends:
    """The MCP servers of one run, on the load's processor."""

    KINDS = {
        "plain": ["--ports", "2"],
        "modern": ["--ports", "1", "--era", "modern", "--strict"],
        "legacy": ["--ports", "1", "--era", "legacy", "--session", "require"],
        "fifty": ["--ports", "50", "--tools", "100"],
        "four": ["--ports", "4"],
        "lame": ["--ports", "4", "--slow", "50"],
    }

    def __init__(self, places, cores, kinds):
        self.processes, self.ports = {}, {}
        try:
            for kind in kinds:
                command = [places.backend, *self.KINDS[kind]]
                log = places.run / f"backend-{kind}.log"
                process = Process(command, cores.load, log, line=r"^ports(( \d+)+)", stream="stdout")
                self.processes[kind] = process
                self.ports[kind] = [int(p) for p in process.match.group(1).split()]
        except BaseException:
            self.stop()
            raise

    def url(self, kind, index=0):
        return f"http://127.0.0.1:{self.ports[kind][index]}/mcp"

    def pid(self, kind):
        return self.processes[kind].pid

    def lists(self, kind):
        """How many tools/list requests the servers of this kind have answered."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[kind][0]}/stats", timeout=5) as answer:
            return json.load(answer)["lists"]

    def stop(self):
        for process in self.processes.values():
            process.stop()


class Gateway:
    """A running peer: where it listens, how it names the tools, what it weighs."""

    def __init__(self, name, url, process=None, prefix="", start_ms=None):
        self.name, self.url, self.process, self.prefix = name, url, process, prefix
        self.start_ms, self.idle_kib = start_ms, None

    def tool(self, name, server="b0"):
        return f"{server}__{name}" if self.prefix else name

    def settle(self):
        """Waits until the gateway answers a call and notes its memory. A gateway that cannot is a failure."""
        deadline = time.monotonic() + 10
        while self.process:
            try:
                post(self.url, "tools/list", {})
                break
            except (OSError, ValueError) as error:
                if time.monotonic() > deadline or not self.process.alive:
                    raise Failure(f"{self.name} answers no tools/list: {error}") from None
                time.sleep(0.01)
        if self.process:
            time.sleep(0.1)
            self.idle_kib = resident_kib(self.process.pid)
        return self

    def stop(self):
        return self.process.stop() if self.process else 0


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1.0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def post(url, method, params, request_id=1, headers=None):
    """One modern request; the raw body of its answer."""
    body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {**params, "_meta": META}}
    sent = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": META["io.modelcontextprotocol/protocolVersion"],
        "Mcp-Method": method,
    }
    if "name" in params:
        sent["Mcp-Name"] = params["name"]
    request = urllib.request.Request(url, json.dumps(body).encode(), {**sent, **(headers or {})})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def fill(places, template, name, **values):
    """Writes a configuration from its template; `@NAME@` stands for a value."""
    text = (CONF / template).read_text()
    values = {"RUN": places.run, "USER": "user root;" if os.geteuid() == 0 else "", **values}
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    path = places.run / name
    path.write_text(text)
    return path


class Peers:
    """Starts the gateways of one run."""

    def __init__(self, places, cores, backends):
        self.places, self.cores, self.backends = places, cores, backends

    def direct(self):
        return Gateway("direct", self.backends.url("plain"))

    def _proxy(self, name, command, port, prefix="", env=None):
        process = Process(command, self.cores.gateway, self.places.run / f"{name}.log", env=env)
        try:
            start_ms = wait_port(process, port)
            return Gateway(name, f"http://127.0.0.1:{port}/mcp", process, prefix, start_ms).settle()
        except BaseException:
            process.stop()
            raise

    def nginx(self, env=None):
        port = free_port()
        conf = fill(
            self.places, "nginx.conf", "nginx.conf", PORT=port, UPSTREAM=self.backends.ports["plain"][0]
        )
        command = [self.places.find_system("nginx"), "-p", self.places.run, "-c", conf]
        return self._proxy("nginx", command, port, env=env)

    def static(self, body, sendfile):
        """nginx serving `body` to every POST; `sendfile` is on or off."""
        port, name = free_port(), f"nginx-static-{sendfile}"
        folder = self.places.run / "static"
        folder.mkdir(exist_ok=True)
        (folder / "mcp").write_bytes(body)
        conf = fill(self.places, "static.conf", f"{name}.conf", PORT=port, SENDFILE=sendfile)
        return self._proxy(name, [self.places.find_system("nginx"), "-p", self.places.run, "-c", conf], port)

    def haproxy(self, env=None):
        port = free_port()
        conf = fill(
            self.places, "haproxy.cfg", "haproxy.cfg", PORT=port, UPSTREAM=self.backends.ports["plain"][0]
        )
        return self._proxy("haproxy", [self.places.find_system("haproxy"), "-db", "-f", conf], port, env=env)

    def _envoy(self, name, prefix, env):
        port, (first, second) = free_port(), self.backends.ports["plain"]
        conf = fill(self.places, f"{name}.yaml", f"{name}.yaml", PORT=port, UPSTREAM=first, SECOND=second)
        command = [self.places.find_envoy(), "-c", conf, "--concurrency", "1", "-l", "error"]
        return self._proxy(
            name, [*command, "--use-dynamic-base-id", "--disable-hot-restart"], port, prefix, env
        )

    def envoy_router(self, env=None):
        return self._envoy("envoy-router", "", env)

    def envoy_mcp(self, env=None):
        return self._envoy("envoy-mcp", "b0__", env)

    def bridge(self):
        """ContextForge's bridge from a stdio server to HTTP, with one child for all callers."""
        port, core = free_port(), next(iter(self.cores.load))
        python = self.places.find_bridge()
        child = f"{self.places.backend} --stdio --core {core}"
        command = [python, "-m", "mcpgateway.translate", "--stdio", child, "--expose-streamable-http"]
        command += ["--jsonResponse", "--host", "127.0.0.1", "--port", port, "--logLevel", "error"]
        env = {**BRIDGE_ENVIRONMENT, "DATABASE_URL": f"sqlite:///{self.places.run}/contextforge.db"}
        env |= {name: secrets.token_hex(32) + "Aa1!" for name in BRIDGE_SECRETS}
        process = Process(command, self.cores.gateway, self.places.run / "contextforge.log", env=env)
        try:
            start_ms = wait_port(process, port, 60.0)
        except BaseException:
            process.stop()
            raise
        gateway = Gateway("contextforge-stdio", f"http://127.0.0.1:{port}/mcp", process, "", start_ms)
        gateway.idle_kib = resident_kib(process.pid)
        return gateway

    def jackfield(
        self,
        name="jackfield",
        servers=None,
        loops=1,
        plugins=(),
        ready=("b0__echo",),
        env=None,
        limits=None,
    ):
        """Our gateway over `servers` (default: the two plain ones); `ready`: tools that must be listed."""
        if servers is None:
            servers = {f"b{i}": {"url": self.backends.url("plain", i)} for i in range(2)}
        command = [self.places.find_gateway(), "serve", "--listen", "127.0.0.1:0"]
        if servers is not DEMO:
            conf = self.places.run / f"{name}.yaml"
            conf.write_text(configuration(servers, loops, plugins, limits))
            command += ["--config", conf]
        cores = self.cores.gateway if loops == 1 else self.cores.two
        line, log = r"listening on (http://\S+)", self.places.run / f"{name}.log"
        process = Process(command, cores, log, line=line, env=env)
        gateway = Gateway(name, process.match.group(1), process, "b0__", process.start_ms)
        try:
            gateway.settle()
            for tool in ready:
                wait_tool(gateway, tool)
            return gateway
        except BaseException:
            process.stop()
            raise


# What slows it down and is no part of the comparison is off.
BRIDGE_ENVIRONMENT = {
    "CACHE_TYPE": "memory",
    "COMPRESSION_ENABLED": "false",
    "ENVIRONMENT": "development",
    "LOG_LEVEL": "ERROR",
    "RATE_LIMITING_ENABLED": "false",
    "REQUIRE_STRONG_SECRETS": "false",
    "STRUCTURED_LOGGING_ENABLED": "false",
}
# It wants some before it starts; nothing of it is asked for here.
BRIDGE_SECRETS = ["JWT_SECRET_KEY", "AUTH_ENCRYPTION_SECRET", "PLATFORM_ADMIN_PASSWORD"]
BRIDGE_SECRETS += ["DEFAULT_USER_PASSWORD", "BASIC_AUTH_PASSWORD"]
DEMO = object()  # no configuration file: what the gateway serves by itself


def wait_tool(gateway, name, count=1, limit=20.0):
    """The tools/list answer once it names the tool and at least `count` tools."""
    deadline = time.monotonic() + limit
    wanted = f'"name":"{name}"'.encode()
    while time.monotonic() < deadline:
        body = post(gateway.url, "tools/list", {}, LIST_ID)
        tight = body.replace(b'"name": "', b'"name":"')
        if wanted in tight and tight.count(b'"inputSchema"') >= count:
            return body
        time.sleep(0.02)
    raise Failure(
        f"{gateway.name} does not list {name} and {count} tools after {limit:.0f} s: {body[:200]!r}"
    )


def configuration(servers, loops, plugins, limits=None):
    """A native configuration; JSON values are valid in YAML's flow style."""
    lines = ["version: 1", f"runtime: {{ loops: {loops} }}"]
    lines += [f"limits: {json.dumps(limits)}"] if limits else []
    lines += ["servers:"]
    lines += [f"  {name}: {json.dumps(entry)}" for name, entry in servers.items()]
    if plugins:
        lines += ["plugins:", *(f"  - {json.dumps(plugin)}" for plugin in plugins)]
    return "\n".join(lines) + "\n"
