# SPDX-License-Identifier: Apache-2.0
# The figures as text: tables, ratios beside their targets, and the page docs/benchmarks.md.
"""Report of one run."""

import statistics

from . import contract, guards, routing
from .measures import PAIRS

MIB = 1024.0


class Target:
    """A promise: a value that must be at most (or at least) `limit`."""

    def __init__(self, text, value, limit, unit="x", least=False, goal=None):
        self.text, self.value, self.limit, self.unit = text, value, limit, unit
        self.least, self.goal = least, goal

    @property
    def met(self):
        if self.value is None:
            return None
        return self.value >= self.limit if self.least else self.value <= self.limit

    def row(self):
        sign = ">=" if self.least else "<="
        value = "not measured" if self.value is None else f"{number(self.value)}{self.unit}"
        promise = f"{sign} {number(self.limit)}{self.unit}"
        if self.goal is not None:
            promise += f" (goal {number(self.goal)}{self.unit})"
        return [self.text, value, promise, {None: "-", True: "met", False: "MISSED"}[self.met]]


def number(value):
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 100000:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(results, field, ours, theirs):
    """A field of one (gateway, case) over that of another; None when either is not there or had errors."""
    a, b = results.best(*ours), results.best(*theirs)
    if not a or not b or a["errors"] or not b.get(field):
        return None
    return a[field] / b[field]


def stored_list(results):
    """The case of nginx serving the list's bytes, with sendfile or without: the cheaper of the two."""
    cases = [(f"nginx-static-{sendfile}", "list/modern/4") for sendfile in ("on", "off")]
    found = [(results.best(*case)["cpu_us_per_call"], case) for case in cases if results.best(*case)]
    return min(found)[1] if found else cases[0]


def targets(results, eras):
    """The promises of the project, with what this run measured."""
    facts, rows = results.facts, []
    for era in eras:
        rows += era_targets(results, era)
    for kind in CLIENTS:
        rows += pair_targets(results, kind)
    listed = [r for e in eras for r in results.records.get(("jackfield-50", f"list/{e}/4"), [])]
    upstream = [r["upstream_lists"] for r in listed if "upstream_lists" in r]
    stdio = [r for (g, _), rounds in results.records.items() if g == "jackfield-stdio" for r in rounds]
    wrong = [r.get("lost", 0) + r.get("errors", 0) + bool(r.get("failed")) for r in stdio]
    parked, crowd = facts.get("parked_kib"), facts.get("parked_calls", 1000)
    idle, growth, calls = facts.get("demo_idle_kib"), facts.get("growth_kib"), facts.get("growth_calls", 0)
    rows += [
        Target("tools/list: requests to the servers meanwhile", max(upstream) if upstream else None, 0, ""),
        Target("shared stdio child: answers lost or wrong", sum(wrong) if stdio else None, 0, ""),
        Target("idle memory, demo configuration", idle and idle / MIB, 25, " MiB"),
        Target("start, demo configuration", facts.get("demo_start_ms"), 100, " ms"),
        Target(
            f"memory growth over {calls:,} calls", None if growth is None else max(growth, 0) / MIB, 1, " MiB"
        ),
        Target(f"memory of a parked call, {crowd:,} parked", parked, 8, " KiB"),
        *(Target(*row) for row in [*contract.rows(facts), *routing.rows(facts), *guards.rows(facts)]),
    ]
    return rows


def pair(kind, client, server, connections=32):
    """The (gateway, case) of calls of one era's client to a server that speaks only one era."""
    return "jackfield-pairs", f"to-{server}-{kind}/{client}/{connections}"


def to_same_era(results, kind, client, server, connections=32):
    """CPU of a pair's call to that within the client's era, and to that within the server's era."""
    bridged = pair(kind, client, server, connections)
    return [
        ratio(results, "cpu_us_per_call", bridged, pair(kind, era, era, connections))
        for era in (client, server)
    ]


def pair_targets(results, kind):
    """The promise of the bridge: against whichever of the calls within one era is the cheaper."""
    rows = []
    for client, server in PAIRS:
        if client == server or kind != "echo" and pair(kind, client, server) not in results.records:
            continue
        found = to_same_era(results, kind, client, server)
        text = f"CPU, {client} client{CLIENTS[kind]}, {server} server: to the cheaper same-era call"
        rows.append(Target(text, None if None in found else max(found), 1.1))
    crowd, few = (pair(kind, "modern", "legacy", n) for n in (256, 32))
    if crowd in results.records:
        text = f"CPU, 256 to 32 connections, modern client{CLIENTS[kind]}, legacy server"
        rows.append(Target(text, ratio(results, "cpu_us_per_call", crowd, few), 1.15))
    return rows


def era_targets(results, era):
    """The promises that are ratios, for clients of one era."""
    echo, blob, many = f"echo/{era}/32", f"blob/{era}/32", f"echo/{era}/256"
    ours = ("jackfield", echo)

    def cpu(a, b):
        return ratio(results, "cpu_us_per_call", a, b)

    def speed(a, b):
        return ratio(results, "calls_per_s", a, b)

    stored = cpu(("jackfield-50", f"list/{era}/4"), stored_list(results))
    child, bridge = ("jackfield-stdio", echo), ("contextforge-stdio", echo)
    text = "calls/s, shared stdio child, legacy: to ContextForge translate"
    bridges = [Target(text, speed(child, bridge), 5, least=True)] if era == "legacy" else []
    return [
        Target(f"CPU, 300 B, 32 connections, {era}: to nginx", cpu(ours, ("nginx", echo)), 1.0, goal=0.85),
        Target(
            f"calls/s, 300 B, 32 connections, {era}: to Envoy mcp_router",
            speed(ours, ("envoy-mcp", echo)),
            3,
            least=True,
            goal=4,
        ),
        Target(f"CPU, 100 KB result, {era}: to nginx", cpu(("jackfield", blob), ("nginx", blob)), 1.0),
        Target(f"CPU, 256 to 32 connections, {era}", cpu(("jackfield", many), ours), 1.15),
        Target(f"calls/s, 256 to 32 connections, {era}", speed(("jackfield", many), ours), 0.85, least=True),
        Target(f"CPU, shared stdio child, {era}: to HTTP", cpu(child, ours), 1.2),
        *bridges,
        Target(f"CPU, tools/list of 50 x 100, {era}: to nginx serving the bytes", stored, 1.5),
    ]


def align(rows, header):
    """Rows as a Markdown table that is also readable as text."""
    widths = [max(len(str(r[i])) for r in [header, *rows]) for i in range(len(header))]

    def pad(row):
        cells = [str(c).rjust(w) for c, w in zip(row, widths)]
        cells[0] = str(row[0]).ljust(widths[0])
        return "| " + " | ".join(cells) + " |"

    rule = (
        "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    )
    return "\n".join([pad(header), rule, *(pad(r) for r in rows)])


# What the client of a pair declares, by the kind of the case.
CLIENTS = {"echo": "", "asked": " that can be asked"}

TITLES = {
    "echo": "tools/call, 300 B",
    "blob": "tools/call, 100 KB result",
    "list": "tools/list, 50 servers x 100 tools",
    "50-servers-echo": "tools/call, 300 B, 50 servers configured",
    "one-slow": "tools/call, 300 B, four replicas of which one takes 50 ms",
    "sampled": "",
    "settle": "",
    "soak": "",
}


PAIRS_TITLE = "tools/call, 300 B, within and between the eras"


def mark(record):
    return "!" if record["errors"] or record["lost"] else ""


def case_tables(results):
    """One table a case: every gateway that ran it, with ratios to nginx."""
    cases = list(dict.fromkeys(case for _, case in results.records))
    for case in cases:
        kind, era, connections = case.split("/")
        if kind.startswith("to-"):
            continue
        title = TITLES.get(kind, kind)
        if not title:
            continue
        names = [g for g, c in results.records if c == case]
        base = results.best(*(stored_list(results) if kind == "list" else ("nginx", case)))
        rows = []
        for name in names:
            r = results.best(name, case)
            if not r:
                why = results.records[name, case][-1].get("failed", "no answer")
                rows.append([name, f"failed: {why[:40]}", "", "", "", "", ""])
                continue
            cpu = r["cpu_us_per_call"]
            to_base = f"{cpu / base['cpu_us_per_call']:.2f}" if cpu and base else "-"
            rows.append(
                [
                    name,
                    f"{r['calls_per_s']:.0f}{mark(r)}",
                    number(r["p50_us"]),
                    number(r["p99_us"]),
                    number(cpu) if cpu else "-",
                    to_base,
                    number(r["rss_kib"] / MIB) if r["rss_kib"] else "-",
                ]
            )
        plural = "connection" if connections == "1" else "connections"
        header = ["gateway", "calls/s", "p50 us", "p99 us", "CPU us/call", "x nginx", "RSS MiB"]
        yield f"{title}, {era} client, {connections} {plural}", align(rows, header)


def pair_table(results):
    """Calls within one era and between the two, all on one gateway; None when there were none."""
    rows = []
    for gateway, case in results.records:
        if gateway != "jackfield-pairs":
            continue
        kind, client, connections = case.split("/")
        server, kind = kind.removeprefix("to-").split("-")
        head = [client + CLIENTS[kind], server, connections]
        r = results.best(gateway, case)
        if not r:
            why = results.records[gateway, case][-1].get("failed", "no answer")
            rows.append([*head, f"failed: {why[:40]}", "", "", "", "", ""])
            continue
        ratios = to_same_era(results, kind, client, server, connections)
        speed, latency = f"{r['calls_per_s']:.0f}{mark(r)}", [number(r["p50_us"]), number(r["p99_us"])]
        ratios = ["-" if value is None else f"{value:.2f}" for value in ratios]
        rows.append([*head, speed, *latency, number(r["cpu_us_per_call"]), *ratios])
    header = ["client", "server", "connections", "calls/s", "p50 us", "p99 us", "CPU us/call"]
    return align(rows, [*header, "to client's era", "to server's era"]) if rows else None


def weight_table(results):
    facts, rows = results.facts, []
    for name, starts in facts.get("start_ms", {}).items():
        idle = facts.get("idle_kib", {}).get(name, [])
        loaded = facts.get("loaded_kib", {}).get(name, [])
        rows.append(
            [
                name,
                number(statistics.median(starts)),
                number(min(idle) / MIB) if idle else "-",
                number(max(loaded) / MIB) if loaded else "-",
            ]
        )
    return align(rows, ["gateway", "start ms", "RSS idle MiB", "RSS after load MiB"])


def target_table(results, eras):
    return align([t.row() for t in targets(results, eras)], ["promise", "measured", "target", ""])


NOTES = """\
- One run, all gateways side by side: the gateway alone on one processor with one worker (`loops: 1`), the
  driver and the MCP servers together on another. A closed loop: each connection has one call outstanding.
- Each case ran in every round, gateway after gateway; the table shows the round with the least CPU per call.
- The driver checks every answer: JSON-RPC id, result, and a mark that the call carried. `!` marks errors.
- CPU is user and system time of the gateway's process tree (without the stdio servers) divided by the
  answers. Where the driver's processor is the limit, calls/s says little about the gateway and CPU per call
  says it.
- `direct` has no gateway: driver and server share one processor. nginx, HAProxy and Envoy's router pass bytes
  through; Envoy's mcp_router and Jackfield route MCP calls by tool name over two servers.
- A shared stdio child: one server behind standard input and output for all callers, on the driver's
  processor. `contextforge-stdio` is `mcpgateway.translate` of ContextForge 1.1.0 with the same child,
  answering with JSON, logging and rate limits off; it speaks to clients with sessions only.
- Between the eras: one gateway before two servers, each of which speaks one era only and refuses the other.
  Each round runs all pairs of client and server one after the other, forwards and then backwards. A call
  between the eras is compared with the call within its client's era and with the one within its server's
  era; the promise is about the cheaper of the two. `that can be asked`: the client declares elicitation,
  sampling and roots, and a legacy server gets a session of its own for it; other clients declare nothing.
- A parked call is a modern client's call to a legacy server that has asked its client for a form and waits.
  It costs what the gateway's resident memory grew by, divided by the calls that wait; each of them holds a
  connection to the server. All are then answered and must end well. The figure is the greater of two turns.
- No TLS, authentication or access log anywhere.
"""


def page(results, machine, plan, command, shared_cores):
    """docs/benchmarks.md."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [
        "# Benchmarks",
        "",
        f"Measured on {machine['processors']} cores of {machine['processor']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Linux {machine['kernel']}.",
        f"Versions: {versions}. {plan.rounds} rounds, {plan.seconds:g} s a case.",
        "",
        "To repeat it:",
        "",
        f"    {command}",
        "",
        "## Promises",
        "",
        target_table(results, plan.eras),
        "",
        "## How it is measured",
        "",
        NOTES + contract.NOTES + routing.NOTES + guards.NOTES,
        "## Calls",
    ]
    for title, table in case_tables(results):
        parts += ["", f"### {title}", "", table]
    pairs = pair_table(results)
    if pairs:
        parts += ["", f"### {PAIRS_TITLE}", "", pairs]
    picks = routing.pick_table(results.facts)
    if picks:
        parts += ["", f"### {routing.PICKS_TITLE}", "", picks]
    if shared_cores:
        parts += ["", "`jackfield-2-loops`: the second loop shared its processor with driver and servers."]
    parts += ["", "## Start and memory", "", weight_table(results), ""]
    for name, why in {**results.skipped, **results.failed}.items():
        parts.append(f"Not measured: {name} ({why.splitlines()[0][:120]}).")
    return "\n".join(parts).rstrip() + "\n"
