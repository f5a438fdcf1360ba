# SPDX-License-Identifier: Apache-2.0
"""State of plugins in the configured store: every kind, restarts of either side, and what is said of it."""

import contextlib
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.builds import ask, build, generations, shipped, swap
from rig.gateway import Gateway, command_line, native, serving, write
from rig.places import free_port
from rig.processes import Process, eventually

POSTGRES = (sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [""])[-1]


def answers(port):
    socket.create_connection(("127.0.0.1", port), 1).close()


class Redis:
    """A Redis on a port of its own that keeps what it answered."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.start()

    def start(self):
        argv = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        argv += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self.process = Process(argv, "redis")
        eventually(lambda: answers(self.port))

    def crash(self):
        self.process.kill()

    stop = crash

    def block(self):
        return {
            "kind": "redis", "address": f"127.0.0.1:{self.port}", "backoff_ms": 10, "backoff_most_ms": 100,
        }


class Postgres:
    """A PostgreSQL in a folder of its own. As root it runs as somebody else, since it refuses root."""

    def __init__(self, folder):
        self.folder, self.port = folder / "data", free_port()
        self.runner = []
        if os.geteuid() == 0:
            # What pytest made may be entered by its owner only.
            self.folder = f"/tmp/jackfield-postgres-{os.getpid()}-{self.port}"
            os.mkdir(self.folder)
            shutil.chown(self.folder, "postgres")
            self.runner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        self.run("initdb", "-D", self.folder, "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def run(self, program, *arguments):
        subprocess.run(
            [*self.runner, f"{POSTGRES}/{program}", *map(str, arguments)],
            check=True, capture_output=True, cwd="/", timeout=60,
        )

    def start(self):
        argv = [*self.runner, f"{POSTGRES}/postgres", "-D", str(self.folder), "-p", str(self.port)]
        self.process = Process(
            [*argv, "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"], "postgres"
        )
        eventually(lambda: self.run("psql", "-h", "127.0.0.1", "-p", self.port, "-U", "owner", "-c", "", "postgres"))

    def crash(self):
        self.process.signal(signal.SIGQUIT)
        self.process.wait()

    def stop(self):
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def block(self):
        connection = f"host=127.0.0.1 port={self.port} user=owner dbname=postgres"
        return {"kind": "postgres", "connection": connection, "backoff_ms": 10, "backoff_most_ms": 100}


@contextlib.contextmanager
def running(kind, folder):
    server = kind(folder)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def keeper(tmp_path_factory):
    return build(tmp_path_factory.mktemp("keeper") / "keeper.so", plugin_id="keeper", source="keeper", abi="1.1")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return build(tmp_path_factory.mktemp("other") / "other.so", plugin_id="other", source="keeper", abi="1.1")


def configured(folder, store, *plugins, name="c.yaml", **runtime):
    blocks = {"runtime": {"drain_timeout": "3s", "loops": 2, "state_dir": str(folder / "state"), **runtime}}
    if store is not None:
        blocks["store"] = store
    blocks["plugins"] = [{"file": str(file), "placement": "inproc"} for file in plugins]
    if store is not None:
        # Also for builds that were not installed with the program.
        blocks["plugins"].append({"id": f"store-{store['kind']}", "placement": "inproc"})
    return write(folder / name, native({file.stem: {"plugin": file.stem} for file in plugins}, **blocks))


def do(gateway, what, server="keeper", **more):
    return ask(gateway, f"{server}__state", {"do": what, **more})


def seen(text):
    """An answer without its revisions."""
    return " ".join(part.partition("@")[0] + ("=" + part.split("=", 1)[1] if "=" in part else "") for part in text.split())


def health(gateway, path="/healthz"):
    status, body = gateway.get(path)
    return status, json.loads(body)


def is_up(gateway, kind):
    assert health(gateway)[1]["store"] == {"kind": kind, "status": "up"}


def is_ready(gateway):
    assert health(gateway, "/readyz")[0] == 200


def works(gateway):
    """Everything that jf.state/1 can do, through one plugin."""
    assert do(gateway, "get", key="none") == "2"
    assert seen(do(gateway, "put", key="a", value="one")) == "0 a="
    first = do(gateway, "get", key="a")
    assert seen(first) == "0 a=one"
    revision = int(first.split("@")[1].split("=")[0])
    assert do(gateway, "put", key="a", value="no", create=1) == "-3"
    assert seen(do(gateway, "put", key="a", value="two", revision=revision)) == "0 a="
    assert do(gateway, "put", key="a", value="no", revision=revision) == "-3"
    assert do(gateway, "remove", key="a", revision=revision) == "-3"
    do(gateway, "put", key="b/1", value="x")
    do(gateway, "put", key="b/2", value="y")
    assert seen(do(gateway, "list", key="")) == "0 a=two b/1=x b/2=y"
    assert seen(do(gateway, "list", key="b/", value="b/1")) == "0 b/2=y"
    assert do(gateway, "list", key="b/", value="b/2") == "2"
    assert seen(do(gateway, "add", key="n", n=5)) == "0 n=5"
    assert seen(do(gateway, "add", key="n", n=-2)) == "0 n=3"
    assert do(gateway, "take", key="l", value="m", n=2) == "0 fits:1000 fits:4000"
    assert do(gateway, "take", key="l", value="m", n=2) == "0 fits:0 fits:3000"
    assert do(gateway, "take", key="l", value="m", n=2) == "0 full:0 fits:3000"
    assert do(gateway, "take", key="m", n=2) == "0 fits:1000"
    assert do(gateway, "remove", key="b/1") == "0"
    assert do(gateway, "abandon", key="a") == "abandoned"


def bounded(gateway):
    """What does not fit is refused before it gets to the store."""
    assert do(gateway, "get", key="") == "refused -1"
    assert do(gateway, "get", key="k" * (1024 - len("keeper/"))) == "2"
    assert do(gateway, "get", key="k" * (1025 - len("keeper/"))) == "refused -1"
    assert do(gateway, "take", key="") == "refused -1"
    assert do(gateway, "put", key="v", value="x", ttl=1 << 50).startswith("-1 ")
    assert do(gateway, "get", key="v") == "2"


def apart(gateway):
    """Plugins never see each other's keys."""
    assert do(gateway, "list", key="", server="other") == "2"
    assert do(gateway, "get", key="a", server="other") == "2"
    assert seen(do(gateway, "put", key="a", value="mine", server="other")) == "0 a="
    assert do(gateway, "take", key="l", n=2, server="other") == "0 fits:1000"
    assert seen(do(gateway, "list", key="", server="other")) == "0 a=mine"
    assert seen(do(gateway, "get", key="a")) == "0 a=two"


def test_memory_without_a_word(tmp_path, keeper, other):
    with serving(configured(tmp_path, None, keeper, other)) as gateway:
        eventually(lambda: is_up(gateway, "memory"))
        works(gateway)
        bounded(gateway)
        apart(gateway)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(do, gateway, "watch", key="w")
            eventually(lambda: put_and_see(gateway, waiting))


def put_and_see(gateway, waiting):
    do(gateway, "put", key="w/1", value="new")
    assert waiting.result(0.2) == "changed w/1"


def test_no_store_where_nobody_asks(tmp_path):
    config = write(tmp_path / "c.yaml", native({"demo": {"plugin": "tools-demo"}}))
    with serving(config) as gateway:
        assert "store" not in health(gateway)[1] and "store" not in health(gateway, "/readyz")[1]
        assert "store-memory" not in health(gateway, "/healthz?plugins=1")[1]["plugins"]


def test_sqlite_keeps_over_restarts(tmp_path, keeper, other):
    config = configured(tmp_path, {"kind": "sqlite", "path": "state.db"}, keeper, other)
    with serving(config) as gateway:
        eventually(lambda: is_up(gateway, "sqlite"))
        works(gateway)
        apart(gateway)
    assert (tmp_path / "state.db").exists()
    with serving(config) as gateway:
        assert seen(do(gateway, "get", key="a")) == "0 a=two"
        assert do(gateway, "take", key="l", n=2) == "0 full:0"


@pytest.mark.parametrize("kind", [Redis, Postgres])
def test_servers_that_die_and_come_back(kind, tmp_path, keeper, other):
    with running(kind, tmp_path) as server:
        block = {**server.block(), "required": True, "probe": "100ms"}
        config = configured(tmp_path, block, keeper, other)
        with serving(config) as gateway:
            eventually(lambda: is_up(gateway, block["kind"]))
            eventually(lambda: is_ready(gateway))
            works(gateway)
            apart(gateway)
            # A second gateway sees the same, and counts the same limits.
            second = Gateway(configured(tmp_path, block, keeper, name="d.yaml"))
            try:
                assert seen(do(second, "get", key="a")) == "0 a=two"
                assert do(second, "take", key="shared", n=3) == "0 fits:2000"
                assert do(gateway, "take", key="shared", n=3) == "0 fits:1000"
            finally:
                second.kill()
            # What a killed gateway took stays taken.
            assert do(gateway, "take", key="shared", n=3) == "0 fits:0"
            assert do(gateway, "take", key="shared", n=3) == "0 full:0"
            server.crash()

            def down():
                status, body = health(gateway, "/readyz")
                assert (status, body["status"], body["store"]["status"]) == (503, "store down", "down")
                assert body["store"]["why"]
                assert health(gateway)[0] == 200

            eventually(down)
            eventually(lambda: refused(gateway))
            server.start()
            eventually(lambda: is_up(gateway, block["kind"]))
            is_ready(gateway)
            assert seen(do(gateway, "get", key="a")) == "0 a=two"
            # PostgreSQL does not write limits ahead: after a crash they begin anew.
            after = "0 full:0" if kind is Redis else "0 fits:2000"
            assert do(gateway, "take", key="shared", n=3) == after
            log = gateway.log.text()
            assert "the store does not answer" in log and "the store answers again" in log


def test_a_new_build_of_the_store(tmp_path, keeper):
    with running(Redis, tmp_path) as redis:
        config = configured(tmp_path, redis.block(), keeper, swap_trial="100ms")
        with serving(config) as gateway, ThreadPoolExecutor(1) as pool:
            do(gateway, "put", key="a", value="one")
            waiting = pool.submit(do, gateway, "watch", key="w")
            eventually(lambda: put_and_see(gateway, waiting))
            waiting = pool.submit(do, gateway, "watch", key="w")
            new = shipped("store-redis", tmp_path / "store-redis.so", 1)
            status, steps, why = swap(gateway, tmp_path / "state", "store-redis", new)
            assert status == 0, (steps, why)
            assert seen(do(gateway, "get", key="a")) == "0 a=one"
            # A watch from before tells through the new build.
            eventually(lambda: put_and_see(gateway, waiting))

            def over():
                found = generations(gateway, tmp_path / "state", "store-redis")
                assert [g["state"] for g in found] == ["retired", "current"]

            eventually(over)
            assert do(gateway, "take", key="l", n=2) == "0 fits:1000"


def refused(gateway):
    assert do(gateway, "get", key="a").startswith(("-7", "-6"))


def test_what_is_wrong_in_a_configuration(tmp_path, keeper):
    def check(store, *entries):
        servers = {"keeper": {"plugin": "keeper"}}
        plugins = [{"file": str(keeper), "placement": "inproc"}, *entries]
        file = write(tmp_path / "bad.yaml", native(servers, store=store, plugins=plugins))
        done = command_line("check", "--config", file)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    assert "redis" in check({"kind": "redos"})
    assert '"kind" is missing' in check({"address": "127.0.0.1:1"})
    assert "expected at least 65536" in check({"kind": "memory", "max_bytes": 1})
    assert "addres" in check({"kind": "redis", "addres": "127.0.0.1:1"})
    assert "store.timeout" in check({"kind": "memory", "timeout": "soon"})
    both = check({"kind": "memory"}, {"id": "store-memory", "config": {"max_entries": 5}})
    assert "store-memory has a config in plugins as well" in both
    assert "switched off" in check({"kind": "memory"}, {"id": "store-memory", "enabled": False})
