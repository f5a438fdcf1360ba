#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reference of the strategy "by-name" and generator of routing-by-name.json, the golden cases of its examples.

    ./routing-by-name.py            writes routing-by-name.json beside this file
    ./routing-by-name.py --check    exit status 1 when the file is not what the reference gives

The golden file is a list of cases {"name", "seed", "endpoints": [refs], "steps": [...]}. A test attaches one server with
that seed and goes through the steps:
    {"pick": NAME, "expect": INDEX}       offers all endpoints in this order; INDEX must be chosen
    {"observe": REF, "status": STATUS}    a call on REF ended: 0 is a success, any other status a failure
    {"export": TEXT}                      export_state must give exactly TEXT
    {"import": TEXT}                      import_state must take TEXT, which replaces everything that was learnt
    {"import": TEXT, "status": -1}        import_state must answer JF_E_INVALID and change nothing
"""
import json
import pathlib
import re
import sys

OFFSET, PRIME, MASK = 14695981039346656037, 1099511628211, (1 << 64) - 1
MOST_REF, MOST_COUNT = (1 << 64) - 1, (1 << 32) - 1
TRIP = 3  # so many failures in a row, and the endpoint is skipped
OK, INVALID, BUSY, TIMEOUT, GONE, FAULT = 0, -1, -4, -6, -7, -8


class ByName:
    """One attached server."""

    def __init__(self, seed):
        self.seed = seed
        self.failures = {}  # ref -> failures since its last success, only where above 0; stays at MOST_COUNT

    def hash(self, name):
        value = OFFSET ^ self.seed
        for byte in name.encode():
            value = (value ^ byte) * PRIME & MASK
        return value

    def pick(self, name, endpoints):
        first = self.hash(name) % len(endpoints)
        for step in range(len(endpoints)):
            index = (first + step) % len(endpoints)
            if self.failures.get(endpoints[index], 0) < TRIP:
                return index
        return first  # all of them fail: no reason to prefer another

    def observe(self, ref, status):
        if status == OK:
            self.failures.pop(ref, None)
        else:
            self.failures[ref] = min(self.failures.get(ref, 0) + 1, MOST_COUNT)

    def export(self):
        return "1\n" + "".join(f"{ref} {count}\n" for ref, count in sorted(self.failures.items()))

    def load(self, text):
        """Strict: version 1, every line ended, plain decimal numbers above 0, refs strictly ascending."""
        if not re.fullmatch(r"1\n([1-9][0-9]* [1-9][0-9]*\n)*", text, re.ASCII):
            return INVALID
        entries = [tuple(map(int, line.split(" "))) for line in text.split("\n")[1:-1]]
        refs = [ref for ref, _ in entries]
        if any(ref > MOST_REF or count > MOST_COUNT for ref, count in entries):
            return INVALID
        if any(a >= b for a, b in zip(refs, refs[1:])):
            return INVALID
        self.failures = dict(entries)
        return OK


class Case:
    """Records what the reference does, step by step."""

    def __init__(self, name, seed, endpoints):
        self.name, self.seed, self.endpoints, self.steps = name, seed, endpoints, []
        self.strategy = ByName(seed)

    def pick(self, *names):
        for name in names:
            self.steps.append({"pick": name, "expect": self.strategy.pick(name, self.endpoints)})
        return self

    def observe(self, ref, *statuses):
        for status in statuses:
            self.strategy.observe(ref, status)
            self.steps.append({"observe": ref, "status": status})
        return self

    def export(self):
        self.steps.append({"export": self.strategy.export()})
        return self

    def load(self, text, expect=OK):
        status = self.strategy.load(text)
        assert status == expect, (self.name, text, status)
        self.steps.append({"import": text, "status": status} if status != OK else {"import": text})
        return self

    def as_json(self):
        def line(value):
            return json.dumps(value, ensure_ascii=False)

        steps = ",\n".join("    " + line(step) for step in self.steps)
        return (f'  {{"name": {line(self.name)}, "seed": {self.seed}, "endpoints": {line(self.endpoints)}, "steps": [\n'
                f"{steps}\n  ]}}")


NAMES = ["search", "search_tickets", "read_file", "write_file", "a", "b", "get_current_time", "x" * 64]
UTF8 = ["zeit_für_tee", "поиск", "検索", "🔧", "naïve", "nai\u0308ve"]
# Handles as hosts make them (a generation above 32 bits of slot), in no order: the index counts, not the ref.
REFS = [4294967297, 8589934594, 3, 12884901892, 5]


def cases():
    yield Case("one endpoint takes everything", 0, [7]).pick("search", "", *UTF8)
    yield Case("two endpoints", 0, REFS[:2]).pick(*NAMES)
    yield Case("five endpoints", 0, REFS).pick(*NAMES)
    yield Case("the empty name has a place", 0, REFS).pick("").pick("")
    yield Case("a seed moves the places", 1, REFS).pick(*NAMES)
    yield Case("the largest seed", 4294967295, REFS).pick(*NAMES, *UTF8)
    yield Case("names in UTF-8: bytes count, not characters", 0, REFS).pick(*UTF8)
    yield Case("names that JSON escapes", 42, [1, 2, 3, 4, 5, 6, 7]).pick(
        'say "hi"', "back\\slash", "a/b", "tab\there", "line\nbreak", "file:///tmp/a%20b?c=d#e", " ")

    at = ByName(0).pick("search", REFS)
    chosen, second = REFS[at], REFS[(at + 1) % len(REFS)]
    yield (Case("the third failure in a row skips an endpoint", 0, REFS)
           .observe(chosen, GONE, TIMEOUT).pick("search").observe(chosen, FAULT).pick("search").export())
    yield (Case("a success clears the count", 0, REFS)
           .observe(chosen, GONE, GONE, OK).export().observe(chosen, GONE, GONE).pick("search")
           .observe(chosen, GONE).pick("search").observe(chosen, OK).pick("search").export())
    yield (Case("every status but 0 is a failure", 0, REFS)
           .observe(chosen, INVALID, BUSY, 2).pick("search").export())
    yield (Case("skipping goes on to the next that works", 0, REFS)
           .observe(chosen, GONE, GONE, GONE).observe(second, GONE, GONE, GONE, GONE).pick("search")
           .observe(second, OK).pick("search").export())
    last = next(name for name in map(str, range(100)) if ByName(0).pick(name, REFS[:3]) == 2)
    yield (Case("skipping wraps round", 0, REFS[:3])
           .pick(last).observe(REFS[2], GONE, GONE, GONE).pick(last))
    all_fail = Case("when all fail the first choice stands", 0, REFS[:3]).pick("search", "a", "b")
    for ref in REFS[:3]:
        all_fail.observe(ref, GONE, GONE, GONE)
    yield all_fail.pick("search", "a", "b").observe(REFS[0], OK).pick("search", "a", "b").export()
    yield (Case("an endpoint that is not offered is remembered", 0, [1, 2])
           .observe(99, GONE, GONE, GONE).pick("search", "a").export())
    yield (Case("nothing learnt exports the version alone", 9, REFS)
           .export().observe(5, OK).export().load("1\n").export())
    yield (Case("export is ascending by ref, as a number", 0, REFS)
           .observe(12884901892, GONE).observe(5, GONE, GONE).observe(4294967297, GONE, GONE, GONE, GONE)
           .observe(30, GONE).observe(3, GONE).export())
    other = REFS[ByName(7).pick("search", REFS)]
    learnt = ByName(7)
    for ref, times in ((other, 5), (second, 2)):
        for _ in range(times):
            learnt.observe(ref, GONE)
    yield (Case("what is imported works on", 7, REFS)
           .pick("search", "a", "b").load(learnt.export()).export().pick("search", "a", "b")
           .observe(second, GONE).pick("search", "a", "b").observe(other, OK).pick("search").export())
    yield (Case("an import replaces what was learnt", 0, REFS)
           .observe(chosen, GONE, GONE, GONE).pick("search").load(f"1\n{second} 1\n").pick("search").export())
    yield (Case("the largest numbers", 0, REFS)
           .load(f"1\n{chosen} {MOST_COUNT}\n{MOST_REF} {MOST_COUNT}\n").pick("search").observe(chosen, GONE)
           .export().observe(chosen, OK).pick("search").export())

    damaged = (Case("a damaged import is refused and changes nothing", 0, REFS)
               .observe(chosen, GONE, GONE, GONE).observe(3, GONE).pick("search"))
    for text in ("", "1", "2\n", "01\n", "1\r\n", "1\n\n", "x\n", "1\n5 1", "1\n5\n", "1\n5 \n", "1\n5 1 \n",
                 "1\n5  1\n", "1\n 5 1\n", "1\n5 1 1\n", "1\n5,1\n", "1\n5 0\n", "1\n0 1\n", "1\n5 -1\n", "1\n+5 1\n",
                 "1\n05 1\n", "1\n5 01\n", "1\n5 1\n5 2\n", "1\n6 1\n5 1\n", "1\n5 4294967296\n",
                 "1\n18446744073709551616 1\n", "1\n99999999999999999999999999 1\n", "1\n5 1\nrest", "1\n5 1\n\n",
                 "1\n5 0x1\n", "1\n٥ 1\n"):
        damaged.load(text, INVALID)
    yield damaged.export().pick("search").load("1\n").pick("search").export()


def main():
    text = "[\n" + ",\n".join(case.as_json() for case in cases()) + "\n]\n"
    json.loads(text)
    golden = pathlib.Path(__file__).with_suffix(".json")
    if sys.argv[1:] == ["--check"]:
        if not golden.exists() or golden.read_text(encoding="utf-8") != text:
            sys.exit(f"{golden.name} is not what the reference gives: run routing-by-name.py")
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    golden.write_text(text, encoding="utf-8")


main()
