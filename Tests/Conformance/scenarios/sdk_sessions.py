# SPDX-License-Identifier: Apache-2.0
"""The official SDK clients before the gateway, over HTTP and stdio, and servers of both kinds behind it."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

from recorders import LiveTee
from rig.gateway import ENVIRONMENT, native, stdio, write
from rig.places import JACKFIELD, python
from rig.processes import Process
from stage import HERE, Place

VERSIONS = {"modern": "2026-07-28", "legacy": "2025-11-25"}
SCRIPTS = {"modern": ("sdk2", "sdk2_session.py"), "legacy": ("sdk1", "sdk1_session.py")}
EXPECTED = {
    "plain": "This is a simple text response for testing.",
    "elicitation": "User response: action=accept, content="
    '{"email": "alice@example.com", "username": "alice"}',
    "twice": "Alice likes blue",
    "sampling": "LLM response: Words of the model",
    "roots": "Roots: file:///test/root",
    "three": "Words of the model Alice at file:///test/root",
    "prompt": "Context: a test",
}
FRONTS = ("http", "stdio")
_reports: dict[tuple[str, str, str], dict[str, Any]] = {}


def behind_stdio(place: Place, tees: list[LiveTee]) -> list[str]:
    """The command of a server for a client over stdio: the fixture itself, or a gateway with it behind."""
    name = f"{place.front}-{place.server.name}-{place.through}"
    if not place.through:
        tees.append(LiveTee(place.command, place.folder / f"{name}.log", f"client to {name}"))
        return tees[0].command
    server: dict[str, Any] = {"prefix": ""}
    if place.server.proxy:
        server["url"] = place.server.proxy.url
    else:
        tees.append(LiveTee(place.command, place.folder / f"{name}-back.log", f"gateway to {name}"))
        server = stdio(tees[0].command, **server)
    config = write(place.folder / f"{name}.yaml", native({"fixture": server}))
    argv = [str(JACKFIELD), "serve", "--stdio", "--config", str(config)]
    tees.append(LiveTee(argv, place.folder / f"{name}-front.log", f"client to {name}"))
    return tees[-1].command


def report(place: Place, front: str) -> dict[str, Any]:
    """What a session reports; one session serves all scenarios at a place."""
    key = place.front, place.url, front
    if key not in _reports:
        _reports[key] = session(place, front)
    return _reports[key]


def session(place: Place, front: str) -> dict[str, Any]:
    tees: list[LiveTee] = []
    if front == "http":
        target: dict[str, Any] = {"url": place.url}
    else:
        target = {"command": behind_stdio(place, tees), "env": ENVIRONMENT}
    venv, script = SCRIPTS[place.front]
    argv = [python(venv), "-W", "ignore", HERE / "clients" / script, json.dumps(target)]
    process = Process(argv, f"{venv} session", stdin=subprocess.DEVNULL)
    try:
        process.wait(60)
    finally:
        process.kill()
    assert process.stdout
    lines = process.stdout.text().splitlines()
    if not lines:
        return {"lost": process.stderr.text()[-600:]}
    found: dict[str, Any] = json.loads(lines[-1])
    return {**found, "invalid": [v for tee in tees for v in tee.advance().violations]}


def asks(*keys: str) -> Callable[[Place], None]:
    """The scenario that these calls of a session end as they should, at both kinds of front."""

    def run(place: Place) -> None:
        for front in FRONTS:
            found = report(place, front)
            assert "lost" not in found, f"client over {front}: {found['lost']}"
            assert found["version"] == VERSIONS[place.front], f"client over {front}: {found['version']}"
            for key in keys:
                assert found[key] == EXPECTED[key], f"client over {front}, {key}: {found[key]!r}"
            assert not found["invalid"], f"client over {front}: {found['invalid'][0]}"

    return run
