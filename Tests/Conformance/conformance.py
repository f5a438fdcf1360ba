# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance scenarios, directly and through the gateway, and keeps docs/reference/conformance.md.

conformance.py [--write] [--direct] [-k WORD]… [-p PAIR]… [--server NAME]… [-v]
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Integration")]

import report
from registry import LEGS, PAIRS, Pair, Run, Scenario
from rig import places, processes
from stage import Place, Stage


@dataclass
class Cell:
    """One scenario at one pair: `pass`, `impossible` with its reason, or `fail` with what failed where."""

    scenario: Scenario
    leg: str
    pair: Pair
    through: bool
    state: str = "pass"
    reason: str = ""
    failures: list[str] = field(default_factory=list)
    ran: int = 0
    seconds: float = 0

    @property
    def column(self) -> str:
        return f"{self.pair[0]}-{self.pair[1]}" if self.through else f"direct-{self.pair[0]}"


def why(error: BaseException) -> str:
    """An error in one line, with the place in our own code."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if str(HERE) in f.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    text = " ".join(str(error).split()) or (frames[-1].line if frames else "")
    return f"{type(error).__name__} at {where}: {text}"[:600]


def attempt(stage: Stage, place: Place, run: Run) -> str | None:
    """Runs one scenario at one place; what failed, or None. An invalid message is a failure, too."""
    marks = {id(wire): len(wire.violations) for wire in stage.wires(place)}
    error = None
    try:
        run(place)
    except Exception as e:
        error = why(e)
    finally:
        place.close()
    broken = [v for wire in stage.wires(place) for v in wire.violations[marks.get(id(wire), 0) :]]
    broken = [v for v in broken if not any(words in v for words in place.tolerated)]
    if error is None and broken:
        return f"invalid message: {broken[0]}"[:900]
    return error


def servers(stage: Stage, scenario: Scenario, pair: Pair, through: bool) -> list[str]:
    """The fixture servers that a scenario runs against."""
    return [
        name
        for name, f in stage.fixtures.items()
        if f.era == pair[1]
        and f.kind in scenario.kinds
        and f.transport in (scenario.transports if through else ("http",))
        and not (f.kind == "picky" and not through)
    ]


def run_cell(stage: Stage, cell: Cell, only: list[str]) -> Cell:
    run = cell.scenario.run
    if cell.pair in cell.scenario.impossible:
        cell.reason, run = cell.scenario.impossible[cell.pair]
        cell.state = "impossible"
    for name in servers(stage, cell.scenario, cell.pair, cell.through):
        if only and name not in only:
            continue
        cell.ran, began = cell.ran + 1, time.monotonic()
        if failure := attempt(stage, stage.place(cell.pair[0], name, cell.through), run):
            cell.failures.append(f"{name}: {failure}")
        cell.seconds += time.monotonic() - began
    if cell.failures:
        cell.state = "fail"
    return cell


def chosen(options: argparse.Namespace) -> list[Cell]:
    """The cells that the command line names, column by column."""
    columns = [(("modern", "modern"), False), (("legacy", "legacy"), False)]
    columns += [(pair, True) for pair in PAIRS] if not options.direct else []
    cells = [
        Cell(s, leg, pair, through)
        for pair, through in columns
        for leg, scenarios in LEGS.items()
        for s in scenarios
    ]
    if options.keyword:
        cells = [c for c in cells if any(word in c.scenario.id for word in options.keyword)]
    if options.pair:
        cells = [c for c in cells if c.column in options.pair]
    return cells


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--write", action="store_true", help="write the page instead of comparing with it")
    p.add_argument("--direct", action="store_true", help="no gateway: proves fixtures, clients and scenarios")
    p.add_argument("-k", "--keyword", action="append", help="only scenarios whose id contains this")
    p.add_argument("-p", "--pair", action="append", help="only a column: modern-legacy, direct-modern, …")
    p.add_argument("--server", action="append", default=[], help="only this fixture server")
    p.add_argument("-v", "--verbose", action="store_true", help="print every cell")
    return p.parse_args()


def main() -> int:
    options, began = arguments(), time.monotonic()
    partial = bool(options.direct or options.keyword or options.pair or options.server)
    for venv in ("sdk1", "sdk2"):
        assert places.python(venv).exists(), f"no environment {venv}; run Tests/Integration/setup.sh"
    assert options.direct or places.JACKFIELD.exists(), f"no gateway at {places.JACKFIELD}; set JACKFIELD_BIN"
    processes.adopt_orphans()
    cells = chosen(options)
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        stage = Stage(Path(folder), options.direct)
        try:
            for cell in cells:
                run_cell(stage, cell, options.server)
                if cell.failures or options.verbose:
                    print(
                        f"{cell.state:10} {cell.column:15} {cell.seconds:5.2f} {cell.scenario.id}",
                        *cell.failures,
                        sep="\n    ",
                    )
        finally:
            ending = stage.close()
    failed = sum(cell.state == "fail" for cell in cells)
    if ending:
        print(f"the gateway did not end well: {ending}")
        failed += 1
    if not partial:
        failed += report.settle(cells, options.write)
    counts = {state: sum(c.state == state for c in cells) for state in ("pass", "impossible", "fail")}
    print(", ".join(f"{n} {state}" for state, n in counts.items()), f"in {time.monotonic() - began:.0f} s")
    print(f"{counts['pass'] + counts['impossible']} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
