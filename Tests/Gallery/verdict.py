# SPDX-License-Identifier: Apache-2.0
"""Compares what caught a gallery plugin with the case that should: `verdict.py NAME CASE OUTCOMES REPORT`."""

import json
import sys


def verdict(expected: str, outcomes: list[str], cases: list[dict]) -> tuple[bool, str]:
    """Whether the named case caught it, and a line that says how."""
    caught = {case["case"]: case for case in cases if case["outcome"] in ("fail", "crash", "warn")}
    if expected == "no failure":
        bad = [f"{n}: {case['reason']}" for n, case in caught.items() if case["outcome"] != "warn"]
        warned = f", {len(caught)} with warnings" if caught else ""
        return not bad and len(cases) > 0, "; ".join(bad) or f"{len(cases)} cases{warned}"
    if expected == "nothing":
        alarms = "; ".join(f"{name}: {case['reason']}" for name, case in caught.items())
        return not caught, f"false alarm: {alarms}" if caught else "passes"
    case = caught.get(expected)
    if case is None:
        return False, "caught by others only: " + ", ".join(caught) if caught else "missed"
    if case["outcome"] not in outcomes:
        return False, f"{case['outcome']} instead of {' or '.join(outcomes)}"
    others = f" (+{len(caught) - 1})" if len(caught) > 1 else ""
    return True, f"{case['outcome']}{others}: {case['reason'][:100]}"


def main() -> int:
    name, expected, outcomes, path = sys.argv[1:5]
    try:
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
    except (OSError, ValueError, KeyError) as error:
        good, text = False, f"the check gave no report: {error}"
    else:
        good, text = verdict(expected, outcomes.split(","), cases)
    # One write: others write to the same pipe at the same time.
    sys.stdout.write(f"  {'ok  ' if good else 'FAIL'} {name:<34} {expected:<26} {text}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
