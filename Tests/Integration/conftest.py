# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests. `--direct` (or DIRECT=1): no gateway, clients talk to the servers."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pytest

from rig import places, processes


def pytest_addoption(parser):
    parser.addoption("--direct", action="store_true", help="clients talk to the fixture servers themselves")


def pytest_configure(config):
    config.addinivalue_line("markers", "direct: also meaningful without a gateway")
    if config.getoption("--direct") or os.environ.get("DIRECT") == "1":
        places.DIRECT = True
    processes.adopt_orphans()


def pytest_collection_modifyitems(config, items):
    if not places.DIRECT:
        return
    kept = [item for item in items if item.get_closest_marker("direct")]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def nobody_survives():
    """The last thing of all: whatever was started, by a test or by what a test had started, has ended. Orphans come to
    this process, so nobody can hide."""
    yield
    left = processes.survivors()
    processes.bury(left)
    assert not left, f"processes that outlived the tests: {left}"


@pytest.fixture(scope="session", autouse=True)
def needs(nobody_survives):
    """Says early and plainly what is missing."""
    for venv in ("sdk2", "sdk1", "sdkold", "servers"):
        assert places.python(venv).exists(), (
            f"no environment {venv} in {places.VENVS}; run Tests/Integration/setup.sh"
        )
    if not places.DIRECT:
        assert places.JACKFIELD.exists(), f"no gateway at {places.JACKFIELD}; build it or set JACKFIELD_BIN"


@pytest.fixture(scope="session")
def clients():
    from rig.peers import Clients

    opened = Clients()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def events(tmp_path_factory):
    from rig.events import EventSink

    sink = EventSink(tmp_path_factory.mktemp("e") / "s")
    yield sink
    sink.close()


@pytest.fixture(autouse=True)
def nothing_left():
    """No test may leave processes behind that it did not start."""
    before = set(processes.orphans())
    yield
    left = processes.lasting({pid for pid in processes.orphans() if pid not in before})
    processes.bury(left)
    assert not left, f"processes left behind: {left}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A skipped test fails unless skips.txt names it with a reason."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail"):
        allowed = (places.HERE / "skips.txt").read_text().splitlines()
        names = {line.split(None, 1)[0] for line in allowed if line.strip() and not line.startswith("#")}
        if item.nodeid.rpartition("Integration/")[2] not in names and item.name not in names:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, and skips.txt does not allow it"


@pytest.fixture(scope="session")
def fleet(clients, events, tmp_path_factory):
    from rig.fleet import Fleet

    made = Fleet(clients, events, tmp_path_factory.mktemp("fleet"))
    yield made
    made.close()
