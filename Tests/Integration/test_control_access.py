# SPDX-License-Identifier: Apache-2.0
"""Who comes in at the control socket: users and groups of `runtime.control`, each with their role; and two people who
agree on a configuration without sharing a user. Runs as root: others are numbers that no account has."""

import contextlib
import json
import os
import socket
import subprocess

import pytest
import test_config_history as config_history

from rig.gateway import ENVIRONMENT, Gateway, command_line, native, serving, write
from rig.places import JACKFIELD

ANN, BOB, EVE = 61001, 61002, 61003
OPERATORS, APPROVERS = 62001, 62002
root = pytest.mark.skipif(os.getuid() != 0, reason="to become others one has to be root")

CONTROL = {
    "operators": ["group:62001"],
    "approvers": ["group:62002", "61003"],
    "viewers": ["61002"],
}


class Site(config_history.Site):
    """A configuration file under change control, and people."""

    def __init__(self, folder, **runtime):
        super().__init__(folder)
        for place in [self.state, folder, *folder.parents]:
            if place.owner() == "root" and str(place) != "/":
                place.chmod(place.stat().st_mode | 0o011)
        self.runtime = {"config_approval": "two-person", "control": CONTROL, **runtime}
        self.write(self.config, ["one"], **self.runtime)

    def propose(self, *servers, **runtime):
        """A file that only Ann can read."""
        self.new.unlink(missing_ok=True)
        self.write(self.new, servers, **{**self.runtime, **runtime})
        self.new.chmod(0o600)
        os.chown(self.new, ANN, ANN)
        return self.new

    def door(self, gateway, request, user, *groups, primary=None):
        """What the gateway answers somebody; None: it does not let them in."""
        return as_user(user, primary or user, groups, lambda: self._ask(gateway, request))

    def _ask(self, gateway, request):
        door = socket.socket(socket.AF_UNIX)
        door.settimeout(10)
        with door:
            try:
                door.connect(str(self.state / "run" / f"{gateway.pid}.sock"))
                door.sendall(json.dumps(request).encode() + b"\n")
                answer = b""
                while not answer.endswith(b"\n"):
                    part = door.recv(1 << 16)
                    if not part:
                        return None
                    answer += part
            except (PermissionError, ConnectionError):
                return None
            return json.loads(answer)


def as_user(user, group, groups, action):
    """Runs in a child process of somebody else; what it returned, by JSON."""
    read, written = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(list(groups))
            os.setgid(group)
            os.setuid(user)
            os.write(written, json.dumps(action()).encode())
        finally:
            os._exit(0)
    os.close(written)
    with os.fdopen(read) as file:
        said = file.read()
    os.waitpid(child, 0)
    assert said, "the child failed"
    return json.loads(said)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def run(site, *arguments, user, groups=(), status=0):
    """`jackfield config …` as somebody."""
    done = subprocess.run(
        [JACKFIELD, "config", *map(str, arguments), "--state-dir", site.state],
        capture_output=True, text=True, timeout=30, env=ENVIRONMENT, cwd="/", user=user, group=user,
        extra_groups=list(groups),
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


@root
def test_two_people_with_users_of_their_own(site):
    """An operator proposes, who cannot approve it; an approver reads it and agrees, who cannot propose."""
    with serving(site.config) as gateway:
        new = site.propose("one", "two")
        assert "version 2 waits" in run(site, "apply", new, "-m", "more", user=ANN, groups=[OPERATORS])
        assert "own: somebody else" in run(site, "approve", 2, user=ANN, groups=[OPERATORS], status=1)
        assert site.names(gateway) == {"one"}
        told = json.loads(run(site, "history", "--json", user=BOB, groups=[APPROVERS]))
        assert told["pending"]["number"] == 2 and str(ANN) in told["pending"]["author"]
        assert "+  two:" in run(site, "diff", 2, user=BOB, groups=[APPROVERS], status=1).splitlines()
        assert run(site, "show", 2, user=BOB, groups=[APPROVERS]) == new.read_text()
        refused = run(site, "apply", "/etc/hostname", "-m", "x", user=BOB, groups=[APPROVERS], status=1)
        assert "not for approvers" in refused
        refused = run(site, "rollback", 1, user=BOB, groups=[APPROVERS], status=1)
        assert "not for approvers" in refused
        emergency = ["--emergency", "--reason", "now"]
        refused = run(site, "rollback", 1, *emergency, user=BOB, groups=[APPROVERS], status=1)
        assert "not for approvers" in refused
        assert "version 2 is in force" in run(site, "approve", 2, user=BOB, groups=[APPROVERS])
        assert site.names(gateway) == {"one", "two"}
        version = site.history()["versions"][1]
        assert version["user"] == ANN and version["approver"] == str(BOB)
        done = [
            (r["user"], r["outcome"], r.get("details", {}).get("action"))
            for r in site.changes(gateway)
            if r["action"] == "config"
        ]
        assert (str(ANN), "ok", "apply") in done and (str(BOB), "ok", "approve") in done
        assert (str(ANN), "failed", "approve") in done and (str(BOB), "denied", "rollback") in done
        text = json.dumps(site.changes(gateway))
        assert "tools-demo" not in text, "a configuration's text is no audit record's"


@root
def test_what_was_read_is_what_is_agreed_to(site):
    with serving(site.config) as gateway:
        run(site, "apply", site.propose("one", "two"), "-m", "more", user=ANN, groups=[OPERATORS])
        seen = json.loads(run(site, "history", "--json", user=BOB, groups=[APPROVERS]))["pending"]["sha256"]
        # The author puts something else in its place.
        run(site, "apply", site.propose("one", "evil"), "-m", "more", user=ANN, groups=[OPERATORS])
        refused = run(site, "approve", 2, "--sha256", seen, user=BOB, groups=[APPROVERS], status=1)
        assert "replaced it" in refused and site.names(gateway) == {"one"}
        seen = json.loads(run(site, "history", "--json", user=BOB, groups=[APPROVERS]))["pending"]["sha256"]
        said = run(site, "approve", 2, "--sha256", seen[:12], user=BOB, groups=[APPROVERS])
        assert "version 2 is in force" in said


@root
def test_root_alone_is_one_person(site):
    """Whoever is root on both sides is refused; past approval there is the emergency, on record."""
    with serving(site.config) as gateway:
        site.propose("one", "two")
        assert "version 2 waits" in site.run("apply", site.new, "-m", "more")
        assert "own: somebody else" in site.run("approve", 2, status=1)
        assert "version 2 is in force" in run(site, "approve", 2, user=EVE)
        said = site.run("rollback", 1, "--emergency", "--reason", "it burns")
        assert "version 3 is in force" in said and site.names(gateway) == {"one"}
        last = site.changes(gateway)[-2:]
        assert any(r.get("details", {}).get("emergency") == "it burns" for r in last), last


@root
def test_each_has_their_role(site):
    look = {"do": "generations"}
    change = {"do": "clear"}
    read = {"do": "config", "action": "text", "number": 1}
    history = {"do": "config", "action": "history"}
    with serving(site.config) as gateway:
        # Nobody, whatever they say they are.
        assert site.door(gateway, look, ANN) is None
        assert site.door(gateway, {**change, "key": "x", "user": 0}, ANN) is None
        # A group, the first or a further one.
        for groups, primary in (([OPERATORS], None), ([], OPERATORS), ([1, 2, 3, OPERATORS], None)):
            assert "done" in site.door(gateway, change, ANN, *groups, primary=primary)
        for request, roles in ((look, "vao"), (history, "vao"), (read, "ao"), (change, "o")):
            for role, who in (("v", (BOB,)), ("a", (EVE,)), ("o", (BOB, OPERATORS))):
                answer = site.door(gateway, request, *who)
                assert ("not for" not in answer.get("error", "")) == (role in roles), (request, role, answer)
        denied = [r for r in site.changes(gateway) if r["outcome"] == "denied"]
        assert {(r["action"], r["user"]) for r in denied} >= {("clear", str(BOB)), ("clear", str(EVE)), ("config", str(BOB))}
        assert all("not for" in r["text"] for r in denied)
        # The gateway's own user still needs the key: a plugin in a cell is the same user.
        assert "needs its key" in site._ask(gateway, change)["error"]


@root
def test_others_see_no_key(site):
    with serving(site.config) as gateway:
        door = site.state / "run"
        assert (door / f"{gateway.pid}.key").stat().st_mode & 0o777 == 0o600
        assert (door / f"{gateway.pid}.sock").stat().st_mode & 0o777 == 0o666
        # Two guests of one user are no reason to refuse root.
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.callback(occupy(site, gateway, EVE).close)
            assert "generations" in site._ask(gateway, {"do": "generations"})
            assert site.door(gateway, {"do": "generations"}, EVE) is None, "four at a time"
            assert site.door(gateway, {"do": "generations"}, BOB)["generations"] is not None


def occupy(site, gateway, user):
    """A connection of somebody who says nothing, held by us."""
    path = str(site.state / "run" / f"{gateway.pid}.sock")
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            door = socket.socket(socket.AF_UNIX)
            door.connect(path)
            socket.send_fds(there, [b"x"], [door.fileno()])
        finally:
            os._exit(0)
    there.close()
    with here:
        _, fds, _, _ = socket.recv_fds(here, 1, 1)
    os.waitpid(child, 0)
    return socket.socket(fileno=fds[0])


@root
def test_one_group_has_the_socket_for_itself(tmp_path):
    site = Site(tmp_path, control={"approvers": ["group:62002"]})
    with serving(site.config) as gateway:
        socket_file = (site.state / "run" / f"{gateway.pid}.sock").stat()
        folder = (site.state / "run").stat()
        assert (socket_file.st_mode & 0o777, socket_file.st_gid) == (0o660, APPROVERS)
        assert (folder.st_mode & 0o777, folder.st_gid) == (0o750, APPROVERS)
        assert "versions" in site.door(gateway, {"do": "config", "action": "history"}, BOB, APPROVERS)
        assert site.door(gateway, {"do": "generations"}, BOB) is None


@root
def test_who_comes_in_changes_with_the_configuration(tmp_path):
    site = Site(tmp_path, config_approval="none", control={})
    look = {"do": "generations"}
    with serving(site.config) as gateway:
        assert (site.state / "run").stat().st_mode & 0o777 == 0o700
        assert site.door(gateway, look, BOB) is None
        site.write(site.config, ["one"], control={"viewers": ["61002", "no-such-user", "group:no-such-group"]})
        config_history.reload(gateway)
        assert "generations" in site.door(gateway, look, BOB)
        for name in ("no-such-user", "group:no-such-group"):
            gateway.log.wait(lambda line, name=name: "lets nobody in" in line and name in line)
        site.write(site.config, ["one"])
        config_history.reload(gateway)
        assert site.door(gateway, look, BOB) is None
        assert (site.state / "run").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "control, what",
    [
        ({"operators": "ann"}, "operators"),
        ({"operators": ["group:"]}, "a name is empty"),
        ({"admins": ["ann"]}, "admins"),
        (["ann"], "runtime.control"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, control, what):
    value = native({"one": {"plugin": "tools-demo"}}, runtime={"control": control})
    done = command_line("check", "--config", write(tmp_path / "c.yaml", value))
    assert done.returncode != 0 and what in done.stderr + done.stdout


def test_a_folder_that_others_cannot_pass_is_said(tmp_path):
    site = Site(tmp_path)
    site.state.chmod(0o700)
    running = Gateway(site.config)
    try:
        running.log.wait(lambda line: "chmod o+x" in line and str(site.state) in line)
    finally:
        running.stop()
