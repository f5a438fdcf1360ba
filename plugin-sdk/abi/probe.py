#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the probe library's C source: one exported function per public struct, type and constant, so that a
# tool which reads debug information (abidiff) sees the whole ABI. A plugin's own entry shows it no table.
"""Usage: probe.py --include DIR. Prints C."""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import layout  # noqa: E402

EXPORT = '__attribute__((visibility("default"))) '


def source(include):
    names, found = layout.read_headers(include)
    lines = ["#include <jackfield/%s>" % name for name in names]
    for name in sorted(found["structs"]):
        lines.append("%sconst %s *probe_%s(const %s *it) { return it; }" % (EXPORT, name, name, name))
    for name in sorted(found["types"]):
        by_value = found["types"][name].startswith("fn ") or name == "jf_ref"
        pointer = "" if by_value else " *"
        lines.append("%s%s%s probe_%s(%s%s it) { return it; }" % (EXPORT, name, pointer, name, name, pointer))
    # The constants of the ABI are nameless enums and macros, and no parameter has their type. Here each gets
    # an enum of its own: abidiff takes enumerators of equal value in one enum for the same.
    for name in sorted(found["numbers"] - {"JF_ABI_MINOR"}):
        lines.append("enum probe_of_%s { PROBE_%s = (int)(%s) };" % (name, name, name))
        lines.append("%senum probe_of_%s probe_%s(enum probe_of_%s it) { return it; }"
                     % (EXPORT, name, name, name))
    lines.append("const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {")
    lines += ["    (void)offer, (void)why;", "    return NULL;", "}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", default=os.path.join(HERE, "..", "include"))
    sys.stdout.write(source(parser.parse_args().include))
