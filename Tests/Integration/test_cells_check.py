# SPDX-License-Identifier: Apache-2.0
"""`jackfield plugin check`: the cases that are run once more with the plugin in a cell."""

import json

import pytest

from rig.builds import build
from rig.cells import rogue
from rig.gateway import command_line


def placement(plugin, *more):
    """{case: (outcome, reason)} of the group."""
    done = command_line("plugin", "check", plugin, "--case", "placement", "--seed", 1, "--json", *more, timeout=120)
    found = json.loads(done.stdout)["cases"]
    return done.returncode, {r["case"]: (r["outcome"], r.get("reason", "")) for r in found}


EXPECTED = {
    "routing-round-robin": {"placement.routing-picks", "placement.state-round-trip"},
    "tools-demo": {"placement.toolset-lists", "placement.toolset-calls", "placement.ops-many"},
    "transport-stdio": {"placement.connector-conversation"},
    "transport-http": {"placement.connector-conversation", "placement.listener-conversation"},
    "seal-openssl": {"placement.lifecycle-once"},
}


@pytest.mark.parametrize("plugin", EXPECTED)
def test_shipped_plugins_pass_in_a_cell(plugin):
    status, found = placement(plugin)
    bad = {case: said for case, said in found.items() if said[0] in ("fail", "crash")}
    assert status == 0 and not bad, bad
    assert EXPECTED[plugin] <= {case for case, (outcome, _) in found.items() if outcome == "pass"}, found


def test_what_ends_a_cell_does_not_end_the_check(tmp_path):
    """It is `fail` or `skip` with the last words, never `crash`."""
    bad = build(tmp_path / "bad.so", faults=["CALL"])
    status, found = placement(bad)
    assert found["placement.toolset-lists"][0] in ("pass", "warn"), found
    status, found = placement(rogue(tmp_path), "--config", '{"how":"crash-create"}')
    assert {outcome for outcome, _ in found.values()} <= {"skip", "fail"}, found
    assert any("it will not even be created" in reason for _, reason in found.values()), found
