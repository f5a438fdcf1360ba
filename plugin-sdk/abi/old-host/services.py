#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the list of the services that a set of headers knows, for proxy.c and life.c.
"""Usage: services.py --include DIR. Prints lines `{"jf.log/1", 32},`: id and size."""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True
import layout  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", required=True)
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    options = parser.parse_args()
    found = layout.dump(options.include, options.cc)
    for value in sorted(found["ids"].values()):
        table = value.replace(".", "_").replace("/", "_")
        # Tables that a host offers carry their context; a facet's slots get the instance instead.
        struct = found["structs"].get(table, {"fields": []})
        if [field["name"] for field in struct["fields"][:3]] == ["size", "flags", "context"]:
            print('{"%s", %d},' % (value, struct["size"]))


if __name__ == "__main__":
    main()
