# SPDX-License-Identifier: Apache-2.0
"""The audit log: what real calls leave in it, what a check finds, and what becomes of it when the disk is full."""

import hashlib
import json
import os
import resource
import shutil
import threading

import pytest

from rig.gateway import Gateway, command_line, native, serving, write
from rig.wire_http import Connection, exchange, modern

DEMO = {"demo": {"plugin": "tools-demo"}}
ECHO = "demo__echo"


class Site:
    """A folder with a configuration and a state directory."""

    def __init__(self, folder, **audit):
        self.folder, self.state = folder, folder / "state"
        self.state.mkdir()
        self.log = self.state / "audit"
        self.configure(audit or True)

    def configure(self, audit, **blocks):
        value = native(DEMO, audit=audit, **blocks)
        value["runtime"] |= {"loops": 2, "state_dir": str(self.state)}
        self.config = write(self.folder / "c.yaml", value)

    def serving(self, **more):
        return serving(self.config, **more)

    def records(self, kind=None):
        found = []
        for file in sorted(self.log.glob("audit-*.jsonl")):
            found += [json.loads(line) for line in file.read_bytes().split(b"\n") if line.endswith(b"}")]
        return [r for r in found if kind is None or r["kind"] == kind]

    def flush(self, gateway):
        """Until all that was answered is in the file."""
        self.ok("usage", "--state-dir", self.state, "--pid", gateway.pid)

    def ok(self, *arguments):
        done = command_line(*arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def verify(self, *arguments, status=0, place=None):
        done = command_line("audit", "verify", place or self.log, "--json", *arguments)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def call(gateway, text="hi", tool=ECHO, **more):
    params = {"name": tool, "arguments": {"text": text, **more}}
    return exchange(gateway.port, modern("tools/call", params))


def digest(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# ---- What is recorded ----


def test_a_call_is_on_record(site):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with site.serving() as gateway:
        meta = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        params = {"name": ECHO, "arguments": {"text": "hi"}, "_meta": meta}
        assert exchange(gateway.port, modern("tools/call", params)).status == 200
        site.flush(gateway)
        (record,) = site.records("call")
    assert record["method"] == "tools/call" and record["tool"] == ECHO
    assert (record["server"], record["name"]) == ("demo", "echo")
    assert (record["decision"], record["outcome"]) == ("allowed", "ok")
    assert record["arguments"]["sha256"] == digest({"text": "hi"})
    assert record["trace"] == trace and record["client"].startswith("127.0.0.1")
    assert record["bytes_in"] > 50 and record["bytes_out"] > 50 and record["latency_us"] >= 0
    lines = b"".join(f.read_bytes() for f in sorted(site.log.glob("*.jsonl"))).splitlines()
    before = "0" * 64
    for number, line in enumerate(lines, 1):
        value = json.loads(line)
        assert (value["seq"], value["prev"]) == (number, before)
        before = hashlib.sha256(line[: -len(',"hash":""}') - 64]).hexdigest()
        assert value["hash"] == before
    checked = site.verify()
    assert checked["good"] and checked["records"] == len(lines) and checked["signatures"] >= 2


def test_denials_errors_and_changes_are_on_record(site):
    with site.serving() as gateway:
        call(gateway, tool="demo__nothing")
        exchange(gateway.port, modern("tools/call", {"name": ECHO, "arguments": {"wrong": 1}}))
        exchange(gateway.port, modern("tools/list"))
        site.ok("cache", "clear", "--state-dir", site.state, "--pid", gateway.pid)
        site.ok("drain", "demo", "--state-dir", site.state, "--pid", gateway.pid)
        refused = call(gateway)
        assert refused.status == 503
        site.flush(gateway)
        denial = site.records("denial")[0]
        assert (denial["reason"], denial["tool"], denial["outcome"]) == ("unknown", "demo__nothing", "denied")
        wrong, drained = site.records("call")
        assert (wrong["outcome"], drained["outcome"]) == ("failed", "failed") and wrong["code"] == -32602
        assert drained["code"] == -32603 and "text" in drained
        actions = [(r["action"], r["user"], r["outcome"]) for r in site.records("change")]
        who = f"({os.getuid()})"
        assert [a for a, _, _ in actions] == ["clear", "drain"] and all(who in u for _, u, _ in actions)
        assert not site.records("list")
        said = len(gateway.log.lines)
        gateway.reload()
        gateway.log.wait("configuration reloaded", start=said)
        site.flush(gateway)
        assert site.records("change")[-1]["action"] == "reload"
        shown = site.ok("audit", "show", "--state-dir", site.state, "--denied")
        assert "demo__nothing" in shown and ECHO not in shown
        exported = site.ok("audit", "export", "--state-dir", site.state, "--tool", ECHO).splitlines()
        assert [json.loads(line)["tool"] for line in exported] == [ECHO, ECHO]
    assert [r["kind"] for r in site.records()][-2:] == ["stop", "checkpoint"]


def test_arguments_in_full_hide_what_is_secret(tmp_path):
    site = Site(tmp_path, arguments="full", redact=["pin", "/card/number"], lists=True)
    sent = {"text": "t", "Password": "p1", "pin": 1, "card": {"number": "4111", "kind": "v"}, "a": [{"token": "x"}]}
    with site.serving() as gateway:
        exchange(gateway.port, modern("tools/call", {"name": ECHO, "arguments": sent}))
        exchange(gateway.port, modern("tools/list"))
        site.flush(gateway)
        hidden = "[redacted]"
        (record,) = site.records("call")
        assert record["arguments"] == {
            "text": "t",
            "Password": hidden,
            "pin": hidden,
            "card": {"number": hidden, "kind": "v"},
            "a": [{"token": hidden}],
        }
        assert [r["method"] for r in site.records("list")] == ["tools/list"]
    assert "4111" not in "".join(f.read_text() for f in site.log.glob("*.jsonl"))


def test_many_calls_on_two_loops(tmp_path):
    site = Site(tmp_path, rotate_bytes="64KiB", sign_every=50)

    def work(port, number):
        with Connection(port) as connection:
            for i in range(100):
                arguments = {"text": f"{number} {i}"}
                connection.send(modern("tools/call", {"name": ECHO, "arguments": arguments}))
                assert connection.answer().status == 200

    with site.serving() as gateway:
        threads = [threading.Thread(target=work, args=(gateway.port, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        usage = json.loads(site.ok("usage", "--state-dir", site.state, "--pid", gateway.pid, "--json"))
        assert [(u["server"], u["tool"], u["calls"], u["errors"]) for u in usage] == [("demo", "echo", 800, 0)]
        assert usage[0]["bytes_in"] > 800 * 50 and usage[0]["bytes_out"] > 800 * 50
    digests = {r["arguments"]["sha256"] for r in site.records("call")}
    assert digests == {digest({"text": f"{n} {i}"}) for n in range(8) for i in range(100)}
    checked = site.verify("--key", site.state / "audit.pub")
    assert checked["good"] and checked["files"] > 3 and checked["signatures"] > 5
    with site.serving() as gateway:
        call(gateway)
        csv = site.ok("usage", "--state-dir", site.state, "--pid", gateway.pid, "--csv", "--by", "tool")
        assert csv.splitlines()[1].startswith("echo,801,"), "usage outlives a restart"


# ---- What a check finds ----


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A log of a few records in three files, and its key."""
    site = Site(tmp_path_factory.mktemp("written"), rotate_bytes="4KiB")
    with site.serving() as gateway:
        for i in range(24):
            call(gateway, f"call {i}")
            if i % 8 == 7:
                site.flush(gateway)
    assert len(list(site.log.glob("*.jsonl"))) >= 3
    assert site.verify()["good"]
    return site


def tampered(written, tmp_path, change):
    """A copy that `change` has worked on: (findings, exit status)."""
    shutil.copytree(written.state, tmp_path / "state", ignore=shutil.ignore_patterns("run", "usage", "config"))
    change(tmp_path / "state/audit")
    done = command_line("audit", "verify", tmp_path / "state/audit", "--json")
    return [f for f in json.loads(done.stdout)["findings"] if not f["note"]], done.returncode


def edit(number, change):
    """Works on the lines of a file."""

    def apply(folder):
        path = folder / f"audit-{number:06}.jsonl"
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return apply


def rehashed(line):
    body = line.rstrip(b"\n")[: -len(',"hash":""}') - 64]
    return body + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def last_lines(folder, count):
    """Cuts lines off the end of the log."""
    path = sorted(folder.glob("audit-*.jsonl"))[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-count]))


TAMPERING = {
    "a byte": (edit(1, lambda ls: [ls[0], ls[1], ls[2].replace(b"allowed", b"allower"), *ls[3:]]), "changed", 3),
    "a byte, and its hash": (
        edit(1, lambda ls: [ls[0], ls[1], rehashed(ls[2].replace(b"allowed", b"allower")), *ls[3:]]),
        "inserted or changed",
        4,
    ),
    "a record": (edit(1, lambda ls: ls[:2] + ls[3:]), "removed: the record", 3),
    "two records": (edit(2, lambda ls: ls[:1] + ls[3:]), "removed: 2 records", 2),
    "the order": (edit(1, lambda ls: [ls[0], ls[2], ls[1], *ls[3:]]), "reordered", 3),
    "a copy": (edit(1, lambda ls: [*ls[:3], ls[2], *ls[3:]]), "repeated", 4),
    "the first line of a file": (edit(2, lambda ls: ls[1:]), "anchor", 1),
    "the end of a file": (edit(2, lambda ls: ls[:-1]), "removed", 1),
    "a file": (lambda folder: (folder / "audit-000002.jsonl").unlink(), "missing", 0),
    "the first file": (lambda folder: (folder / "audit-000001.jsonl").unlink(), "missing", 0),
    "a name": (
        lambda folder: (folder / "audit-000003.jsonl").rename(folder / "audit-000009.jsonl"),
        "missing",
        0,
    ),
    "the last line": (lambda folder: last_lines(folder, 1), "truncated", 0),
    "the last lines": (lambda folder: last_lines(folder, 2), "truncated", 0),
    "half a line": (edit(1, lambda ls: [*ls[:-1], ls[-1][:50]]), "torn", None),
    "a line of its own": (edit(1, lambda ls: [*ls[:2], b"{}\n", *ls[2:]]), "no record", 3),
    "the head": (lambda folder: (folder / "audit-head.json").unlink(), "missing", 0),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found(written, tmp_path, what):
    change, text, line = TAMPERING[what]
    findings, status = tampered(written, tmp_path, change)
    assert status == 1 and any(text in f["text"] for f in findings), findings
    if line:
        assert any(f["line"] == line for f in findings if text in f["text"]), findings


def test_a_forged_chain_has_no_signature(written, tmp_path):
    """Somebody who can do everything but sign: all hashes are made anew."""

    def forge(folder):
        before = b"0" * 64
        for path in sorted(folder.glob("audit-*.jsonl")):
            out = []
            for line in path.read_bytes().splitlines():
                line = line.replace(b'"tool":"demo__echo"', b'"tool":"demo__cake"')
                at = line.index(b'"prev":"') + 8
                line = rehashed(line[:at] + before + line[at + 64 :] + b"\n")
                before = line[-67:-3]
                out.append(line)
            path.write_bytes(b"".join(out))

    findings, status = tampered(written, tmp_path, forge)
    assert status == 1 and any("forged" in f["text"] for f in findings), findings


def test_another_key_does_not_fit(written, tmp_path):
    other = Site(tmp_path)
    with other.serving():
        pass
    checked = written.verify("--key", other.state / "audit.pub", status=1)
    assert "is signed by key" in checked["findings"][0]["text"]
    done = command_line("audit", "verify", written.log, "--key", written.config)
    assert done.returncode == 2 and "no public key" in done.stderr
    assert (written.state / "audit.key").stat().st_mode & 0o777 == 0o600


# ---- When things go wrong ----


def test_a_gateway_that_was_killed(site):
    gateway = Gateway(site.config)
    try:
        call(gateway)
        site.flush(gateway)
    finally:
        gateway.kill()
    (file,) = site.log.glob("*.jsonl")
    with file.open("ab") as log:
        log.write(b'{"seq":99,"prev":"0000')
    findings = site.verify(status=1)["findings"]
    assert [f["text"].split(":")[0] for f in findings] == ["torn"]
    with site.serving() as again:
        call(again)
    checked = site.verify()
    assert checked["good"] and checked["files"] == 2 and "torn" in checked["findings"][0]["text"]


def limit(gateway, bytes):
    """Files of the gateway grow up to so many bytes: a disk that is full."""
    _, hard = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (bytes, hard))


def health(gateway):
    return json.loads(gateway.get("/healthz")[1])["audit"]


def fill(gateway, until):
    """Calls with large arguments until something holds."""
    with Connection(gateway.port) as connection:
        for i in range(3000):
            arguments = {"text": f"{i}" * 100}
            connection.send(modern("tools/call", {"name": ECHO, "arguments": arguments}))
            answer = connection.answer()
            if until(answer):
                return answer
    raise AssertionError("it never came to that")


def test_a_full_disk_drops_and_counts(tmp_path):
    site = Site(tmp_path, buffer="16KiB", on_full="drop")
    with site.serving() as gateway:
        call(gateway)
        site.flush(gateway)
        limit(gateway, 4096)
        fill(gateway, lambda answer: health(gateway)["lost"] > 3 if answer.status == 200 else None)
        assert "audit-000001" in health(gateway)["failure"]
        gateway.log.wait("the audit log cannot be written")
        limit(gateway, resource.RLIM_INFINITY)
        gateway.log.wait("the audit log is written again")
        call(gateway, "after")
        site.flush(gateway)
        lost = health(gateway)["lost"]
        assert health(gateway)["failure"] is None
        assert sum(r["records"] for r in site.records("lost")) == lost > 3
        assert digest({"text": "after"}) in {r["arguments"]["sha256"] for r in site.records("call")}
    checked = site.verify()
    assert checked["good"] and checked["lost"] == lost


def test_a_full_disk_blocks(tmp_path):
    site = Site(tmp_path, buffer="16KiB", on_full="block")
    with site.serving() as gateway:
        call(gateway)
        site.flush(gateway)
        limit(gateway, 4096)
        refused = fill(gateway, lambda answer: answer.status == 503 and health(gateway)["failure"])
        assert refused.json["error"]["data"]["reason"] == "audit" and "retry-after" in refused.headers
        limit(gateway, resource.RLIM_INFINITY)
        gateway.log.wait("the audit log is written again")
        fill(gateway, lambda answer: answer.status == 200)
        assert health(gateway)["lost"] == 0 and health(gateway)["refused_calls"] > 0
    checked = site.verify()
    assert checked["good"] and checked["lost"] == 0


def test_old_files_go_and_the_rest_stands(tmp_path):
    site = Site(tmp_path, rotate_bytes="4KiB", keep_files=2)
    with site.serving() as gateway:
        for _ in range(12):
            for _ in range(8):
                call(gateway)
            site.flush(gateway)
    files = sorted(f.name for f in site.log.glob("audit-*.jsonl"))
    assert len(files) <= 4 and files[0] > "audit-000003.jsonl"
    assert site.verify()["good"]
    (site.log / files[0]).unlink()
    assert "missing" in site.verify(status=1)["findings"][-1]["text"]


def test_one_gateway_for_one_log(site):
    with site.serving():
        other = Gateway(site.config, wait=False)
        assert other.process.wait(20) == 1
        other.log.wait("another gateway writes the audit log")
        other.kill()


def test_nothing_without_the_block(tmp_path):
    site = Site(tmp_path)
    site.configure(False)
    with site.serving() as gateway:
        call(gateway)
        assert not site.log.exists() and "audit" not in json.loads(gateway.get("/healthz")[1])
        done = command_line("usage", "--state-dir", site.state)
        assert done.returncode == 1 and "no audit log" in done.stderr
    wrong = write(tmp_path / "w.yaml", native(DEMO, audit={"arguments": "ful", "rotate_bites": 5}))
    said = command_line("check", "--config", wrong).stderr
    assert "full" in said and "rotate_bytes" in said
