#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A second opinion on the ABI: abidiff (Debian: abigail-tools) on probes of the frozen and of today's headers.
"""Usage: abidiff.py [--include DIR] [--cc CC] [--self-test]

abidiff reads what the compiler wrote about each type, not the headers' text, so that it does not share the
mistakes of layout.py. Nothing is suppressed: every line of its report that is not about an appended item is a
break.
A source that was written for a frozen minor must compile, too. --self-test: also the breaks of selftest.py
that debug information can show. Ends with `N passed, N failed`.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import layout  # noqa: E402
import probe  # noqa: E402
import rules  # noqa: E402
import selftest  # noqa: E402

# Cases of the self-test that are no matter of types: texts, macros, rules of our own for what is appended.
UNSEEN = {"changed id", "id used twice", "removed header", "macro with other parameters", "something unknown",
          "growable struct embedded", "hidden padding", "minor lowered"}


def build(include, target, compiler, written_for=None):
    """Compiles the probe of some headers with those in `include`; a sentence if that fails."""
    try:
        text = probe.source(written_for or include)
    except layout.Unreadable as error:
        return str(error)
    command = [compiler, "-std=c11", "-g", "-O0", "-fPIC", "-fvisibility=hidden", "-shared", "-I", include,
               "-x", "c", "-", "-o", target]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "the probe library does not compile:\n" + done.stderr.strip()


def judge(report):
    """(what broke, what was appended) of a report by leaf changes."""
    broken, added, struct, old_size, section = [], [], None, 0, None
    for line in report.splitlines():
        text = line.strip()
        if not text or " summary: " in text:
            continue
        grown = re.fullmatch(r"type size changed from (\d+) to (\d+) \(in bits\)", text)
        inserted = re.fullmatch(r"'(.+) (\w+)', at offset (\d+) \(in bits\)", text)
        if re.fullmatch(r"'struct \w+' changed:", text):
            struct, old_size, section = text.split("'")[1].split()[1], None, None
        elif re.fullmatch(r"\d+ Added functions?:", text):
            struct, section = None, "functions"
        elif section == "functions" and text.startswith("[A] "):
            added.append(text[4:].split("{")[-1].rstrip("}"))
        elif struct and grown and int(grown.group(2)) > int(grown.group(1)) and struct not in rules.FROZEN:
            old_size = int(grown.group(1))
        elif struct and old_size and re.fullmatch(r"\d+ data member insertions?:", text):
            section = "members"
        elif struct and section == "members" and inserted and int(inserted.group(3)) >= old_size:
            added.append("%s.%s" % (struct, inserted.group(2)))
        else:
            section = None
            broken.append("%s: %s" % (struct, text) if struct else text)
    return broken, added


def compare(old, new):
    """What abidiff says about two probe libraries, judged."""
    command = ["abidiff", "--harmless", "--leaf-changes-only", "--no-show-locs", old, new]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    broken, added = judge(done.stdout)
    # Its status is bits: 1 error, 2 usage, 4 a change, 8 an incompatible one.
    if done.returncode & 3:
        broken.append("abidiff failed (%d): %s" % (done.returncode, done.stderr.strip()))
    if done.returncode & 12 and not broken and not added:
        broken.append("abidiff says %d but not what changed:\n%s" % (done.returncode, done.stdout))
    return broken, added


def self_test(include, folder, compiler):
    """Runs the breaks and the allowed changes of selftest.py; (passed, failed)."""
    old, new = os.path.join(folder, "before.so"), os.path.join(folder, "after.so")
    failure = build(include, old, compiler)
    if failure:
        print("FAIL " + failure)
        return 0, 1
    passed = failed = 0
    for name, header, pattern, replacement, wanted in selftest.CASES:
        if name in UNSEEN:
            continue
        copies = os.path.join(folder, "changed")
        shutil.rmtree(copies, ignore_errors=True)
        changed = selftest.changed_headers(include, copies, header, pattern, replacement)
        failure = build(changed, new, compiler)
        broken = [failure] if failure else compare(old, new)[0]
        good = bool(broken) == (wanted is not None)
        passed, failed = passed + good, failed + (not good)
        if not good:
            print("FAIL %s: abidiff says %s" % (name, broken or "nothing"))
    return passed, failed


def since(frozen, include, old, new, compiler):
    """(what broke, what was appended) between frozen headers and those of today."""
    steps = ((frozen, old, None), (include, new, frozen), (include, new, None))
    broken = [build(headers, target, compiler, written_for) for headers, target, written_for in steps]
    broken = [failure for failure in broken if failure]
    return (broken, []) if broken else compare(old, new)


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--include", default=os.path.join(HERE, "..", "include"))
    parser.add_argument("--cc", default=os.environ.get("CC", "gcc"))
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if shutil.which("abidiff") is None:
        print("abi: no abidiff here: install abigail-tools (scripts/setup.sh test)", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    passed = failed = 0
    minors = sorted(name for name in os.listdir(HERE) if re.fullmatch(r"\d+\.\d+", name))
    with tempfile.TemporaryDirectory() as folder:
        old, new = os.path.join(folder, "frozen.so"), os.path.join(folder, "today.so")
        for minor in minors:
            broken, added = since(os.path.join(HERE, minor), options.include, old, new, options.cc)
            for line in broken:
                print("abi: BROKEN since %s: %s" % (minor, line), file=sys.stderr)
            for line in added:
                print("abi: appended since %s: %s" % (minor, line))
            passed, failed = passed + (not broken), failed + bool(broken)
        if options.self_test:
            more = self_test(options.include, folder, options.cc)
            passed, failed = passed + more[0], failed + more[1]
    print("%d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
