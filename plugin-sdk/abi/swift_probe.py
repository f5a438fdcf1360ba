#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes a Swift program that compares what Swift imports of the ABI with what the C compiler says of it.
"""Usage: swift_probe.py --include DIR. Prints Swift; the program prints each difference, exit status 1."""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import layout  # noqa: E402

HEAD = """// SPDX-License-Identifier: Apache-2.0
// What Swift sees of the ABI, against the C compiler's layout.
import JackfieldABI
import Glibc

nonisolated(unsafe) var differences: Int32 = 0

func same(_ what: String, _ swift: Int?, _ c: Int) {
    if swift != c {
        print("\\(what): Swift says \\(swift.map(String.init) ?? "nothing"), C says \\(c)")
        differences += 1
    }
}
"""


def program(found):
    lines = [HEAD]
    for name in sorted(found["structs"]):
        struct = found["structs"][name]
        lines.append("func check_%s() {" % name)
        lines.append('    same("size of %s", MemoryLayout<%s>.stride, %d)' % (name, name, struct["size"]))
        for field in struct["fields"]:
            lines.append('    same("%s.%s", MemoryLayout<%s>.offset(of: \\.%s), %d)'
                         % (name, field["name"], name, field["name"], field["offset"]))
        lines.append("}")
    lines.append("func check_constants() {")
    for name in sorted(found["constants"]):
        if isinstance(found["constants"][name], int):
            lines.append('    same("%s", Int(%s), %d)' % (name, name, found["constants"][name]))
    lines.append("}")
    lines += ["check_%s()" % name for name in sorted(found["structs"])]
    for name in sorted(found["ids"]):
        value = found["ids"][name]
        lines.append('if %s != "%s" { print("%s differs"); differences += 1 }' % (name, value, name))
    return "\n".join(lines + ["check_constants()", "exit(differences == 0 ? 0 : 1)", ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", default=os.path.join(HERE, "..", "include"))
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    options = parser.parse_args()
    sys.stdout.write(program(layout.dump(options.include, options.cc)))
