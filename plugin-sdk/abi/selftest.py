#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Proves that the ABI check refuses what it must: changes a copy of the headers in each forbidden way.
"""Usage: selftest.py [--include DIR] [--cc CC]. Ends with `N passed, N failed`."""
import argparse
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import layout  # noqa: E402
import rules  # noqa: E402

# Each case: name, header, pattern, replacement, and what the check must say (None: it must accept).
CASES = [
    ("reordered members", "message.h", r"(    jf_view target;[^\n]*\n)(    jf_view protocol;[^\n]*\n)",
     r"\2\1",
     r"jf_message\.target was moved"),
    ("reordered slots of one signature", "listener.h", r"\(\*gone\)(.*?)\(\*writable\)",
     r"(*writable)\1(*gone)",
     r"jf_inbound_1\.gone was moved"),
    ("changed type of the same size", "message.h", r"int32_t status;( +/\*\*< answers)",
     r"uint32_t status;\1",
     r"jf_message\.status changed its type from `int32_t` to `uint32_t`"),
    ("changed type of another size", "routing.h", r"uint32_t weight;", "uint64_t weight;",
     r"jf_endpoint\.weight"),
    ("changed signature of a slot", "ops.h", r"(\(\*state\)\(void \*context, )jf_ref op", r"\1uint32_t op",
     r"jf_ops_1\.state changed its type"),
    ("changed result of a slot", "log.h", r"void \(\*write\)", "int32_t (*write)",
     r"jf_log_1\.write changed its type"),
    ("changed signature of a callback type", "loop.h", r"(jf_ready_fn\)\(void \*user, )uint32_t",
     r"\1uint64_t",
     r"type jf_ready_fn changed"),
    ("changed signature of the entry", "base.h", r"jf_plugin \*jf_entry_1\(const jf_offer \*offer, jf_fault",
     "jf_plugin *jf_entry_1(const jf_offer *offer, void", r"function jf_entry_1 changed"),
    ("removed member at the end", "message.h", r"    uint64_t retainable;[^\n]*\n", "",
     r"jf_message\.retainable was removed"),
    ("removed member in the middle", "routing.h", r"    uint32_t in_flight;[^\n]*\n", "",
     r"jf_endpoint\.in_flight"),
    ("renamed member", "calls.h", r"jf_view principal;", "jf_view subject;",
     r"jf_call\.principal was removed or renamed"),
    ("inserted member", "toolset.h", r"(    jf_ref set;)", r"    uint64_t extra;\n\1",
     r"jf_request\.set was moved"),
    ("inserted slot", "toolset.h", r"(    void \(\*close\))", r"    void (*extra)(jf_self *self);\n\1",
     r"jf_toolset_1\.close was moved"),
    ("removed struct", "clock.h", r"typedef struct jf_clock_1 \{.*?\} jf_clock_1;", "",
     r"struct jf_clock_1 vanished"),
    ("changed enumerator", "config.h", r"JF_JSON_BOOL = 2", "JF_JSON_BOOL = 9",
     r"constant JF_JSON_BOOL changed from `2`"),
    ("enumerator inserted before others", "log.h", r"JF_LOG_DEBUG = 1,", "JF_LOG_FINE = 1, JF_LOG_DEBUG = 2,",
     r"constant JF_LOG_DEBUG changed"),
    ("changed flag", "message.h", r"#define JF_MSG_PADDED 2u", "#define JF_MSG_PADDED 32u",
     r"constant JF_MSG_PADDED changed"),
    ("removed flag", "message.h", r"#define JF_MSG_PADDED 2u[^\n]*\n", "",
     r"constant JF_MSG_PADDED vanished"),
    ("changed id", "ops.h", r'"jf\.ops/1"', '"jf.ops/2"', r"id JF_OPS_1 changed from `jf\.ops/1`"),
    ("id used twice", "ops.h", r'(#define JF_OPS_1 "jf\.ops/1")', r'\1\n#define JF_OPS_9 "jf.log/1"',
     r"are both"),
    ("other major", "base.h", r"#define JF_ABI_MAJOR 1", "#define JF_ABI_MAJOR 2",
     r"constant JF_ABI_MAJOR changed"),
    ("frozen struct grows", "base.h", r"(\} jf_view;)", r"    uint64_t extra;\n\1", r"jf_view is frozen"),
    ("jf_pair grows", "base.h", r"(\} jf_pair;)", r"    jf_view extra;\n\1", r"jf_pair is frozen"),
    ("jf_blob grows", "base.h", r"(\} jf_blob;)", r"    uint64_t extra;\n\1", r"jf_blob is frozen"),
    ("jf_fault grows", "base.h", r"(\} jf_fault;)", r"    uint64_t extra;\n\1", r"jf_fault is frozen"),
    ("jf_offer grows", "base.h", r"(\} jf_offer;)", r"    uint64_t extra;\n\1", r"jf_offer is frozen"),
    ("frozen array changes", "base.h", r"char text\[236\]", "char text[240]", r"jf_fault\.text changed"),
    ("growable struct embedded", "http.h", r"(\} jf_http_1;)", r"    jf_http_request last;\n\1",
     r"embeds the growable"),
    ("hidden padding", "http.h", r"(\} jf_http_1;)", r"    uint32_t a;\n    uint64_t b;\n\1",
     r"hidden bytes of padding"),
    ("removed macro", "base.h", r"#define JF_NOTE_TYPE 1u", "", r"constant JF_NOTE_TYPE vanished"),
    ("macro with other parameters", "base.h", r"#define JF_HAS\(table, slot\)",
     "#define JF_HAS(table, slot, more)",
     r"macro JF_HAS changed"),
    ("removed header", "seal.h", None, None, r"header seal\.h vanished"),
    ("minor lowered", "base.h", r"#define JF_ABI_MINOR \d+", "#define JF_ABI_MINOR -1", r"it only rises"),
    ("something unknown", "base.h", r"(typedef struct jf_host jf_host;)", r"\1\nunion jf_any { int a; };",
     r"cannot read"),
    # What must stay possible.
    ("nothing changed", "base.h", r"\A", "", None),
    ("slot appended", "ops.h", r"(\} jf_ops_1;)", r"    int32_t (*extra)(void *context);\n\1", None),
    ("member appended", "message.h", r"(\} jf_message;)", r"    jf_view extra;\n\1", None),
    ("constant appended", "base.h", r"JF_E_FAULT = -8", "JF_E_FAULT = -8, JF_E_NEW = -9", None),
    ("struct and id appended", "clock.h", r"(#define JF_CLOCK_1 )",
     r"typedef struct jf_new_1 {\n    uint32_t size;\n    uint32_t flags;\n} jf_new_1;\n"
     r"#define JF_NEW_1 \"jf.new/1\"\n\1", None),
    ("minor raised", "base.h", r"#define JF_ABI_MINOR \d+", "#define JF_ABI_MINOR 99", None),
    ("parameter renamed and comments changed", "ops.h", r"\(\*state\)\(void \*context, jf_ref op\)",
     "(*state)(void *host, /* which */ jf_ref operation)", None),
]


def changed_headers(include, folder, header, pattern, replacement):
    """A copy of the headers with one change, without the layout pins, which would stop the compiler."""
    target = os.path.join(folder, "include")
    shutil.copytree(include, target)
    path = os.path.join(target, "jackfield", header)
    if pattern is None:  # the whole header goes
        os.remove(path)
        path = os.path.join(target, "jackfield", "jackfield.h")
        pattern, replacement = r'#include "%s"' % header, ""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text, count = re.subn(pattern, replacement, text, count=1, flags=re.S)
    if count != 1:
        raise AssertionError("the pattern is not in %s any more: update this case" % header)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    for name in os.listdir(os.path.join(target, "jackfield")):
        path = os.path.join(target, "jackfield", name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^JF_PIN(_SIZE)?\([^;]*\);", "", text, flags=re.M))
    return target


def findings(golden, include, compiler):
    try:
        broken, _ = rules.compare(golden, layout.dump(include, compiler))
    except layout.Unreadable as error:
        broken = [str(error)]
    return broken


def padding_case():
    """A member put into the padding at the end of a struct (no struct of the ABI has such padding today)."""
    def size_and(*more):
        fields = [{"name": "size", "type": "uint32_t", "offset": 0, "size": 4}]
        fields += [{"name": "flags", "type": "uint32_t", "offset": 4, "size": 4}]
        fields += [{"name": "at", "type": "uint64_t", "offset": 8, "size": 8}]
        fields += [{"name": "last", "type": "uint32_t", "offset": 16, "size": 4}]
        return {"size": 24, "alignment": 8, "fields": fields + list(more)}
    broken = []
    new = {"name": "new", "type": "uint32_t", "offset": 20, "size": 4}
    rules.compare_fields("jf_padded", size_and(), size_and(new), broken, [])
    return broken


def lane_case():
    """A slot that is called from other threads than before: no header's text changes but a comment."""
    before = {"jf_ops_1.finish": "any"}
    broken = []
    rules.compare_values("lanes", "lane of", before, {"jf_ops_1.finish": "lane"}, broken, [])
    return broken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", default=os.path.join(HERE, "..", "include"))
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    options = parser.parse_args()
    golden = layout.dump(options.include, options.cc)
    passed = failed = 0
    results = [("member in the old padding", padding_case(), r"padding of the old struct"),
               ("slot on another lane", lane_case(), r"lane of jf_ops_1\.finish changed")]
    for name, header, pattern, replacement, wanted in CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                include = changed_headers(options.include, folder, header, pattern, replacement)
                results.append((name, findings(golden, include, options.cc), wanted))
            except AssertionError as error:
                results.append((name, [str(error)], r"(?!)"))
    for name, broken, wanted in results:
        good = not broken if wanted is None else any(re.search(wanted, line) for line in broken)
        passed, failed = passed + good, failed + (not good)
        if not good:
            print("FAIL %s: wanted %s, got %s" % (name, wanted or "no objection", broken or "no objection"))
    print("%d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
