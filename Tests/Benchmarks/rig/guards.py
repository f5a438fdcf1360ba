# SPDX-License-Identifier: Apache-2.0
# What it costs that a call is let in, allowed, counted and recorded: the same call with and without.
"""Measurements of identity, policy, limits and audit."""

import base64
import json
import shutil
import statistics
import subprocess
import time
import urllib.error

from . import peers
from .contract import said
from .places import Skip
from .processes import Failure, Process

ISSUER, AUDIENCE, KEY_ID = "https://id.bench.example", "https://mcp.bench.example/mcp", "bench"
STAGES = ["bare", "identity", "policy", "limits", "audit"]


def rows(facts):
    """The promises, as (text, value, limit, unit); a value of None was not measured."""
    ratios = facts.get("guards", {}).get("ratio", {})
    return [("guards: CPU of a call with token, policy, limit and audit: to the bare one", ratios.get("audit"), 1.6, "x")]


NOTES = """\
- Guards are added one after the other: a JWT (RS256, checked once and then known), the policy `rbac` with one
  role, two rate limits that let everything pass, and the audit log with digests of arguments, written and synced
  by a thread of its own whose CPU counts. Each round measures every stage, each in a gateway of its own, with
  the same calls; the figure is the median of the rounds' ratios.
"""


def measure(bench, progress=lambda text: None):
    """Adds `guards` to the facts of a run; what cannot be measured is skipped or fails with its reason."""
    found, began = bench.results.facts.setdefault("guards", {}), time.monotonic()
    try:
        guards(bench, found)
        progress(f"guards: {time.monotonic() - began:.0f} s")
    except Skip as why:
        bench.results.skip("jackfield-guards", why)
    except (Failure, OSError, ValueError, subprocess.SubprocessError) as why:
        bench.results.fail("jackfield-guards", said(why))


def guards(bench, found):
    keys, token = credentials(bench)
    rounds = found.setdefault("cpu_us", [])
    for _ in range(bench.plan.rounds):
        cpu = {}
        for at, stage in enumerate(STAGES):
            gateway = guarded(bench, stage, blocks(bench, keys, STAGES[1 : at + 1]), token)
            try:
                arguments = ["--era", "modern", "--connections", 32, "--tool", "b0__echo", "--size", 300]
                if stage != "bare":
                    arguments += ["--header", f"Authorization: Bearer {token}"]
                record = bench.load(gateway, f"guards/{stage}/32", arguments)
            finally:
                gateway.stop()
            if not record.get("cpu_us_per_call") or record["errors"]:
                raise Failure(f"{stage}: {record.get('failed') or record.get('error_sample') or 'no answers'}")
            cpu[stage] = record["cpu_us_per_call"]
        rounds.append(cpu)
    found["ratio"] = {s: statistics.median(r[s] / r["bare"] for r in rounds) for s in STAGES[1:]}


def blocks(bench, keys, stages):
    """The configuration of the guards that a stage has."""
    made = {}
    if "identity" in stages:
        provider = {"provider": "jwt", "issuer": ISSUER, "audiences": [AUDIENCE], "jwks": keys}
        made["auth"] = {"providers": [provider], "scopes": ["mcp"]}
    if "policy" in stages:
        role = {"allow": ["tools:b*/*"]}
        made["policies"] = [
            {"policy": "rbac", "roles": {"user": role}, "assignments": {"subjects": {"bench": ["user"]}}}
        ]
    if "limits" in stages:
        rate = {"rate": "1000000/s", "burst": 1000000}
        limits = [{"per": ["principal"], **rate}, {"per": ["tenant", "tool"], **rate}]
        made["filters"] = [{"filter": "rate-limit", "limits": limits}]
    if "audit" in stages:
        log = bench.places.run / "audit"
        shutil.rmtree(log, ignore_errors=True)
        made["audit"] = {"path": str(log)}
    return made


def guarded(bench, stage, more, token):
    """Our gateway with guards, ready for calls."""
    name = f"jackfield-guards-{stage}"
    configuration = {
        "version": 1,
        "runtime": {"loops": 1, "state_dir": str(bench.places.run / "state")},
        "servers": {"b0": {"url": bench.backends.url("plain", 0)}},
        **more,
    }
    path = bench.places.run / f"{name}.json"
    path.write_text(json.dumps(configuration))
    command = [bench.places.find_gateway(), "serve", "--listen", "127.0.0.1:0", "--config", path]
    line, log = r"listening on (http://\S+)", bench.places.run / f"{name}.log"
    process = Process(command, bench.cores.gateway, log, line=line)
    gateway = peers.Gateway(name, process.match.group(1), process, "b0__", process.start_ms)
    headers = {"Authorization": f"Bearer {token}"} if stage != "bare" else {}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if b"b0__echo" in peers.post(gateway.url, "tools/list", {}, headers=headers):
                return gateway
        except (OSError, urllib.error.HTTPError):
            pass
        time.sleep(0.02)
    process.stop()
    raise Failure(f"{name} lists no tools: {log.read_text()[-300:]}")


# ---- a token ---------------------------------------------------------------------------------------------


def credentials(bench):
    """A key set and a token that it is good for, made by the openssl program."""
    openssl = shutil.which("openssl")
    if not openssl:
        raise Skip("openssl is not installed; `apt-get install openssl` brings it")
    key = bench.places.run / "guards.pem"

    def run(*arguments, given=b""):
        return subprocess.run([openssl, *arguments], input=given, capture_output=True, check=True).stdout

    run("genrsa", "-out", key, "2048")
    modulus = bytes.fromhex(run("rsa", "-in", key, "-noout", "-modulus").decode().split("=")[1].strip())
    jwk = {"kty": "RSA", "kid": KEY_ID, "alg": "RS256", "use": "sig", "n": encoded(modulus), "e": "AQAB"}
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "bench", "scope": "mcp", "tenant": "bench", "jti": "bench-1",
        "iat": now, "exp": now + 3600, "client_id": "bench",
    }
    head = {"alg": "RS256", "kid": KEY_ID, "typ": "at+jwt"}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    signature = run("dgst", "-sha256", "-sign", key, given=signed.encode())
    return {"keys": [jwk]}, f"{signed}.{encoded(signature)}"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
