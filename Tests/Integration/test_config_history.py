# SPDX-License-Identifier: Apache-2.0
"""Versions of a running gateway's configuration: applied, compared, taken back, approved by somebody else."""

import contextlib
import json
import os
import subprocess

import pytest

from rig import gateway as rig
from rig.gateway import ENVIRONMENT, Gateway, command_line, native, serving, write
from rig.places import JACKFIELD

NOBODY = 65534


class Site:
    """A configuration file under change control."""

    def __init__(self, folder):
        self.folder, self.state, self.config = folder, folder / "state", folder / "c.yaml"
        self.state.mkdir()
        self.new = folder / "new.yaml"
        self.write(self.config, ["one"])

    def write(self, path, servers, **runtime):
        value = native({name: {"plugin": "tools-demo"} for name in servers}, audit={"sign": False})
        value["runtime"] |= {"loops": 1, "state_dir": str(self.state), **runtime}
        return write(path, value)

    def run(self, *arguments, status=0, user=None):
        more = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        done = subprocess.run(
            [JACKFIELD, "config", *map(str, arguments), "--state-dir", self.state],
            capture_output=True,
            text=True,
            timeout=30,
            env=ENVIRONMENT,
            cwd="/",
            **more,
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done.stdout or done.stderr

    def history(self):
        return json.loads(self.run("history", "--json"))

    def names(self, gateway):
        return set(json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"])

    def changes(self, gateway):
        """Changes on record, by action."""
        command_line("usage", "--state-dir", self.state)
        files = sorted((self.state / "audit").glob("*.jsonl"))
        records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [r for r in records if r["kind"] == "change"]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def reload(gateway, mark="configuration reloaded"):
    said = len(gateway.log.lines)
    gateway.reload()
    gateway.log.wait(mark, start=said)


def test_versions_are_kept_as_they_were(site):
    text = site.config.read_bytes()
    with serving(site.config) as gateway:
        (first,) = site.history()["versions"]
        assert (first["number"], first["how"], first["user"]) == (1, "start", os.getuid())
        reload(gateway)
        assert len(site.history()["versions"]) == 1, "nothing differs"
        site.write(site.config, ["one", "two"])
        second = site.config.read_bytes()
        reload(gateway)
        version = site.history()["versions"][1]
        assert version["how"] == "reload" and "HUP" in version["author"] and "user" not in version
        assert version["changes"] == ["servers added: two"]
        assert site.run("show", 1).encode() == text and site.run("show", 2).encode() == second
        lines = site.run("diff", 2, status=1).splitlines()
        assert "+  two:" in lines and not any(line.startswith("-") for line in lines)
        assert site.run("diff", 1, 1) == ""
        assert "no version" in site.run("show", 7, status=2) or "not kept" in site.run("show", 7, status=2)
    with serving(site.config):
        assert len(site.history()["versions"]) == 2, "a restart with the same file is no new version"
    for file in (site.state / "config").rglob("*.*"):
        assert file.stat().st_mode & 0o777 == 0o600


def test_apply_and_rollback(site):
    site.write(site.new, ["one", "two"])
    with serving(site.config) as gateway:
        said = site.run("apply", site.new, "--message", "a second one")
        assert said.splitlines() == ["version 2 is in force", "  servers added: two"]
        assert site.config.read_bytes() == site.new.read_bytes()
        assert site.names(gateway) == {"one", "two"}
        version = site.history()["versions"][1]
        assert (version["message"], version["user"], version["how"]) == ("a second one", os.getuid(), "apply")
        before = site.config.read_bytes()
        site.new.write_text("version: 1\nservers: { x: { ulr: 5 } }\n")
        assert "c.yaml:2" in site.run("apply", site.new, "-m", "bad", status=1)
        assert site.config.read_bytes() == before and len(site.history()["versions"]) == 2
        assert "cannot read" in site.run("apply", site.folder / "none", "-m", "x", status=1)
        assert "no version 9" in site.run("rollback", 9, status=1)
        assert "version 3" in site.run("rollback", 1)
        assert site.names(gateway) == {"one"} and site.run("show", 3) == site.run("show", 1)
        assert site.history()["versions"][2]["message"] == "back to version 1"
        done = [r for r in site.changes(gateway) if r["action"] == "reload"]
        assert [r["details"]["how"] for r in done] == ["apply", "rollback"]
        assert all(f"({os.getuid()})" in r["user"] for r in done)


def test_two_people_must_agree(site):
    site.write(site.config, ["one"], config_approval="two-person")
    site.write(site.new, ["one", "two"], config_approval="two-person")
    with serving(site.config) as gateway:
        old = site.config.read_bytes()
        assert "version 2 waits" in site.run("apply", site.new, "-m", "more")
        assert site.config.read_bytes() == old and site.names(gateway) == {"one"}
        assert site.history()["pending"]["number"] == 2
        assert "own: somebody else" in site.run("approve", 2, status=1)
        assert "no version 3 waits" in site.run("approve", 3, status=1)
        # A signal is nobody's.
        site.config.write_bytes(site.new.read_bytes())
        reload(gateway, "a signal says nothing of who sent it")
        assert site.names(gateway) == {"one"}
        site.config.write_bytes(old)
        reload(gateway)
        denied = [r for r in site.changes(gateway) if r["outcome"] == "denied"]
        assert ("config approve", "approval") in [(r["action"], r.get("reason")) for r in denied]
        assert "needs --reason" in site.run("apply", site.new, "-m", "x", "--emergency", status=2)
        said = site.run("apply", site.new, "-m", "x", "--emergency", "--reason", "it burns")
        assert "version 2 is in force" in said and site.names(gateway) == {"one", "two"}
        assert site.history()["versions"][1]["emergency"] == "it burns"
        assert site.history()["pending"] is None
        last = [r for r in site.changes(gateway) if r["action"] == "reload"][-1]
        assert last["details"]["emergency"] == "it burns"


def test_somebody_else_approves(tmp_path):
    """The gateway and the author are one user, root is the other; without root there is only the author to try."""
    site = Site(tmp_path)
    site.write(site.config, ["one"], config_approval="two-person")
    site.write(site.new, ["one", "two"], config_approval="two-person")
    author = NOBODY if os.getuid() == 0 else None
    if author:
        for path in (tmp_path, site.state, site.config, site.new):
            os.chown(path, author, author)
        for folder in tmp_path.parents:
            if folder.owner() == "root" and str(folder).startswith("/tmp/"):
                folder.chmod(folder.stat().st_mode | 0o011)
    with serving_as(site, author) if author else serving(site.config) as gateway:
        assert "version 2 waits" in site.run("apply", site.new, "-m", "more", user=author)
        assert "own: somebody else" in site.run("approve", 2, status=1, user=author)
        assert site.names(gateway) == {"one"}
        if author:
            assert "version 2 is in force" in site.run("approve", 2)
            assert site.names(gateway) == {"one", "two"}
            version = site.history()["versions"][1]
            assert version["user"] == author and version["approver"].endswith("(0)")


@contextlib.contextmanager
def serving_as(site, user):
    """A gateway of another user: `setpriv` becomes it and is replaced by it."""
    launcher = site.folder / "jackfield"
    launcher.write_text(
        f'#!/bin/sh\nexec setpriv --reuid {user} --regid {user} --clear-groups {JACKFIELD} "$@"\n'
    )
    launcher.chmod(0o755)
    before, rig.JACKFIELD = rig.JACKFIELD, launcher
    try:
        running = Gateway(site.config)
    finally:
        rig.JACKFIELD = before
    try:
        yield running
    except BaseException:
        running.kill()
        raise
    running.stop()
