#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the headers of a minor that does not exist: today's with something appended.
"""Usage: newer.py INCLUDE TARGET"""
import os
import re
import shutil
import sys

APPENDED = [
    ("base.h", r"#define JF_ABI_MINOR \d+", "#define JF_ABI_MINOR 99"),
    ("clock.h", r"(\} jf_clock_1;)", r"    uint64_t (*never_ns)(void *context);\n\1"),
    ("toolset.h", r"(\} jf_request;)", r"    uint64_t never;\n\1"),
    ("toolset.h", r"(\} jf_toolset_1;)", r"    void (*never)(jf_self *self);\n\1"),
    ("routing.h", r"(\} jf_endpoint;)", r"    uint64_t never;\n\1"),
]


def main():
    include, target = sys.argv[1:]
    shutil.copytree(os.path.join(include, "jackfield"), os.path.join(target, "jackfield"))
    for name, pattern, replacement in APPENDED:
        path = os.path.join(target, "jackfield", name)
        with open(path, encoding="utf-8") as file:
            text, count = re.subn(pattern, replacement, file.read(), count=1)
        if count != 1:
            sys.exit("newer: the pattern `%s` is not in %s any more: update this script" % (pattern, name))
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^JF_PIN_SIZE\([^;]*\);", "", text, flags=re.M))
    return 0


if __name__ == "__main__":
    sys.exit(main())
