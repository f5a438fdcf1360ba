# SPDX-License-Identifier: Apache-2.0
"""Compares reports of a check, JSON and JUnit, with what is promised: `formats.py JACKFIELD PLUGIN…`."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

OUTCOMES = ["pass", "warn", "skip", "fail", "crash"]
# As in docs/guide/plugin-check.md. Members may be added; none may change or go without a new format.
REPORT = {"format": int, "plugin": str, "file": str, "seed": str, "good": bool, "cases": list}
REPORT |= {outcome: int for outcome in OUTCOMES}
OPTIONAL_IN_REPORT = {"version": str}
CASE = {"case": str, "outcome": str, "milliseconds": (int, float)}
OPTIONAL_IN_CASE = {"reason": str, "advice": str, "again": str}
ELEMENTS = {"pass": None, "warn": "system-out", "skip": "skipped", "fail": "failure", "crash": "error"}


def members(what, value, required, optional):
    """The members of an object are those that are promised, with their types."""
    known = required | optional
    assert required.keys() <= value.keys() <= known.keys(), f"{what}: members {sorted(value)}"
    for key, member in value.items():
        assert isinstance(member, known[key]), f"{what}: {key} is {member!r}"
        assert not (known[key] is int and isinstance(member, bool)), f"{what}: {key} is {member!r}"


def judge_json(report):
    members("report", report, REPORT, OPTIONAL_IN_REPORT)
    assert report["format"] == 1, report["format"]
    assert re.fullmatch(r"\d+", report["seed"]), report["seed"]
    for case in report["cases"]:
        name, bad = case.get("case"), case.get("outcome") in ("fail", "crash")
        members(name, case, CASE, OPTIONAL_IN_CASE)
        assert re.fullmatch(r"[a-z]+\.[a-z-]+", name), name
        assert case["outcome"] in OUTCOMES, case
        assert ("again" in case) == bad, f"{name}: a bad case, and no other, says how to run it again"
        assert case["outcome"] == "pass" or case.get("reason"), f"{name}: no reason"
        assert not bad or f"--case {name} --seed {report['seed']}" in case["again"], case["again"]
    for outcome in OUTCOMES:
        found = sum(case["outcome"] == outcome for case in report["cases"])
        assert report[outcome] == found, f"{outcome}: {report[outcome]}, but {found} cases"
    assert report["good"] == (report["fail"] + report["crash"] == 0), "good"
    names = [case["case"] for case in report["cases"]]
    assert len(set(names)) == len(names) > 20, f"{len(names)} cases"


def judge_junit(text, report):
    suite = xml.fromstring(text)
    assert suite.tag == "testsuite" and suite.get("name") == report["plugin"], suite.attrib
    counts = {"tests": len(report["cases"]), "failures": report["fail"], "errors": report["crash"]}
    for key, count in (counts | {"skipped": report["skip"]}).items():
        assert suite.get(key) == str(count), f"{key}: {suite.get(key)}, not {count}"
    assert re.fullmatch(r"\d+\.\d{3}", suite.get("time")), suite.get("time")
    facts = {p.get("name"): p.get("value") for p in suite.find("properties")}
    assert facts.get("seed") == report["seed"] and facts.get("file") == report["file"], facts
    elements = suite.findall("testcase")
    assert [e.get("name") for e in elements] == [case["case"] for case in report["cases"]], "names"
    for element, case in zip(elements, report["cases"]):
        group = case["case"].split(".")[0]
        assert element.get("classname") == f"{report['plugin']}.{group}", element.attrib
        assert float(element.get("time")) >= 0, element.attrib
        inside, wanted = [child.tag for child in element], ELEMENTS[case["outcome"]]
        assert inside == ([wanted] if wanted else []), f"{case['case']}: {inside}"
        if case["outcome"] in ("skip", "fail", "crash"):
            said = element[0].get("message")
            assert said == re.sub(r"[\n\t]", " ", case["reason"]), f"{said!r}, not {case['reason']!r}"
        if "again" in case:
            assert element[0].text.endswith(f"again: {case['again']}"), element[0].text


def check(jackfield, plugin):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "results.xml")
        command = [jackfield, "plugin", "check", plugin, "--seed", "1", "--timeout", "8s"]
        done = subprocess.run([*command, "--json", "--junit", path], capture_output=True, text=True)
        report = json.loads(done.stdout)
        judge_json(report)
        assert done.returncode == (0 if report["good"] else 1), done.returncode
        judge_junit(path.read_text(encoding="utf-8"), report)
        return report


def main():
    failed = 0
    for plugin in sys.argv[2:]:
        name = pathlib.Path(plugin).stem + ".report"
        try:
            report = check(sys.argv[1], plugin)
            print(f"  ok   {name:<34} {'json, junit':<26} {len(report['cases'])} cases, alike in both")
        except (AssertionError, ValueError, OSError, xml.ParseError) as error:
            print(f"  FAIL {name:<34} {'json, junit':<26} {error!r}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
