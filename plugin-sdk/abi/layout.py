#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Dumps the layout of the C ABI as JSON (reads the headers, asks a compiler) and checks that it only grows.
"""Usage: layout.py dump | check | update   [--include DIR] [--golden FILE] [--cc CC]

dump    prints the layout of the headers in DIR
check   proves that it is the golden layout plus appended items; exit status 1 and a list of what broke if not
update  checks, then writes the new layout to the golden file (also when there is none yet)
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import rules  # noqa: E402


class Unreadable(Exception):
    """Something in a header that this reader does not know: better to stop than to leave it out."""


def squeeze(text):
    """One spelling for equal C text: single spaces, none around punctuation but between words."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r" ?([*(),\[\]]) ?", r"\1", text)


def strip_comments(text):
    pattern = r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*'
    return re.sub(pattern, lambda m: m.group(0) if m.group(0)[0] == '"' else " ", text, flags=re.S)


def split_parameters(text):
    """Splits at the commas that stand outside of parentheses."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return parts + [text[start:]]


def nameless(parameter):
    """A parameter without its name: names may change, types may not."""
    words = squeeze(parameter)
    match = re.fullmatch(r"(.*[ *])([A-Za-z_]\w*)", words)
    if match and match.group(1).strip() not in ("const", "struct", "unsigned", "signed"):
        return squeeze(match.group(1))
    return words


def signature(result, parameters):
    return "%s(%s)" % (squeeze(result), ",".join(nameless(p) for p in split_parameters(parameters)))


def fields_of(body, where):
    """The members of a struct as (name, type) in order."""
    fields = []
    for declaration in body.split(";"):
        text = squeeze(declaration)
        if not text:
            continue
        function = re.fullmatch(r"(.+?)\(\*(\w+)\)\((.*)\)", text)
        plain = re.fullmatch(r"((?:const )?(?:struct )?\w+(?:[* ]|\bconst\b)*?)([\w, ]+)((?:\[\w+\])?)", text)
        if function:
            fields.append((function.group(2), "fn " + signature(function.group(1), function.group(3))))
        elif plain:
            for name in plain.group(2).split(","):
                fields.append((name.strip(), squeeze(plain.group(1)) + plain.group(3)))
        else:
            raise Unreadable("%s: cannot read the member `%s`" % (where, text))
    return fields


def read_macros(text, found):
    """Takes the #define lines in; returns the text without any preprocessor line."""
    text = text.replace("\\\n", " ")
    for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\([^)]*\))?[ \t]*(.*)$", text, flags=re.M):
        name, parameters, value = match.group(1), match.group(2), match.group(3).strip()
        if re.fullmatch(r"JACKFIELD_\w+_H", name):
            continue
        if parameters is not None:
            found["macros"][name] = squeeze(parameters)
        elif re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)[uUlL]*|\([^()]*\)", value):
            found["numbers"].add(name)
        elif re.fullmatch(r'"[^"]*"', value):
            found["strings"].add(name)
        else:
            found["macros"][name] = ""
    return re.sub(r"^[ \t]*#.*$", "", text, flags=re.M)


def read_header(path, found):
    """Takes every declaration of one header in; stops at anything else."""
    where = os.path.basename(path)
    with open(path, encoding="utf-8") as file:
        text = read_macros(strip_comments(file.read()), found)
    text = re.sub(r'extern\s+"C"\s*\{', " ", text)
    text = re.sub(r"\bJF_PIN(_SIZE)?\s*\([^;]*\)\s*;", " ", text)
    while True:
        text = text.strip()
        if text in ("", "}"):
            return
        struct = re.match(r"typedef\s+struct\s+(\w+)\s*\{([^{}]*)\}\s*(\w+)\s*;", text)
        enum = re.match(r"enum\s*\{([^{}]*)\}\s*;", text)
        opaque = re.match(r"typedef\s+struct\s+(\w+)\s+(\w+)\s*;", text)
        function_type = re.match(r"typedef\s+([^;{}()]+?)\(\s*\*\s*(\w+)\s*\)\s*\(([^;{}]*)\)\s*;", text)
        plain_type = re.match(r"typedef\s+(\w+)\s+(\w+)\s*;", text)
        function = re.match(r"(JF_PUBLIC\s+)([^;{}()]+?)(\w+)\s*\(([^;{}]*)\)\s*;", text)
        if struct and struct.group(1) == struct.group(3):
            found["structs"][struct.group(1)] = fields_of(struct.group(2), where + ": " + struct.group(1))
            taken = struct
        elif enum:
            for item in enum.group(1).split(","):
                if item.strip():
                    found["numbers"].add(item.split("=")[0].strip())
            taken = enum
        elif opaque:
            found["types"][opaque.group(2)] = "struct " + opaque.group(1)
            taken = opaque
        elif function_type:
            spelled = signature(function_type.group(1), function_type.group(3))
            found["types"][function_type.group(2)] = "fn " + spelled
            taken = function_type
        elif plain_type:
            found["types"][plain_type.group(2)] = plain_type.group(1)
            taken = plain_type
        elif function:
            found["functions"][function.group(3)] = signature(function.group(2), function.group(4))
            taken = function
        else:
            raise Unreadable("%s: cannot read `%s`" % (where, squeeze(text[:120])))
        text = text[taken.end():]


def read_headers(include):
    folder = os.path.join(include, "jackfield")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".h"))
    if not names:
        raise Unreadable("no headers in " + folder)
    found = {"structs": {}, "types": {}, "functions": {}, "macros": {}, "numbers": set(), "strings": set()}
    for name in names:
        read_header(os.path.join(folder, name), found)
    return names, found


def probe_source(names, found):
    """A C program that prints what only the compiler knows, one `kind name... value` per line."""
    lines = ["#include <jackfield/%s>" % name for name in names]
    lines += ["#include <stdio.h>", "int main(void) {"]
    for struct in sorted(found["structs"]):
        lines.append('printf("struct %s %%zu %%zu\\n", sizeof(%s), _Alignof(%s));' % (struct, struct, struct))
        for field, _ in found["structs"][struct]:
            values = "offsetof(%s, %s), sizeof(((%s *)0)->%s)" % (struct, field, struct, field)
            lines.append('printf("field %s %s %%zu %%zu\\n", %s);' % (struct, field, values))
    for name in sorted(found["numbers"]):
        lines.append('printf("number %s %%lld\\n", (long long)(%s));' % (name, name))
    for name in sorted(found["strings"]):
        lines.append('printf("string %s %%s\\n", %s);' % (name, name))
    return "\n".join(lines + ["return 0;", "}", ""])


def compile_and_run(source, include, compiler):
    with tempfile.TemporaryDirectory() as folder:
        path, program = os.path.join(folder, "probe.c"), os.path.join(folder, "probe")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source)
        command = [compiler, "-std=c11", "-I", include, path, "-o", program]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            raise Unreadable("the headers do not compile with %s:\n%s" % (compiler, built.stderr.strip()))
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def dump(include, compiler):
    """The layout of the headers in `include` as a dictionary that is equal for equal ABIs."""
    names, found = read_headers(include)
    layout = {"structs": {}, "constants": {}, "ids": {}, "headers": names}
    layout.update({section: found[section] for section in ("types", "functions", "macros")})
    for line in compile_and_run(probe_source(names, found), include, compiler).splitlines():
        kind, rest = line.split(" ", 1)
        if kind == "struct":
            name, size, alignment = rest.split()
            layout["structs"][name] = {"size": int(size), "alignment": int(alignment), "fields": []}
        elif kind == "field":
            struct, name, offset, size = rest.split()
            spelled = dict(found["structs"][struct])[name]
            layout["structs"][struct]["fields"].append(
                {"name": name, "type": spelled, "offset": int(offset), "size": int(size)})
        elif kind == "number":
            name, value = rest.split()
            layout["constants"][name] = int(value)
        else:
            name, value = rest.split(" ", 1)
            section = "ids" if re.fullmatch(r"[a-z][\w.-]*/\d+", value) else "constants"
            layout[section][name] = value
    layout["lanes"] = lanes_of(layout)
    return layout


def lanes_of(layout):
    """The lane of each slot, as stubs.py has to know it: a slot's lane is part of its contract."""
    import stubs  # it reads headers through this file
    lanes = {}
    for table in sorted(set(stubs.LANES) & set(layout["structs"])):
        for slot in stubs.LANES[table].split():
            name, lane = slot.split(":")
            lanes[table + "." + name] = lane
    return lanes


def as_text(layout):
    """JSON that reads well in a diff: sorted, one field per line."""
    text = json.dumps(layout, indent=2, sort_keys=True)
    return re.sub(r"\{\s+\"name\": (.*?),\s+\"offset\": (\d+),\s+\"size\": (\d+),\s+\"type\": (.*?)\s+\}",
                  r'{"name": \1, "offset": \2, "size": \3, "type": \4}', text) + "\n"


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("mode", choices=["dump", "check", "update"])
    parser.add_argument("--include", default=os.path.join(HERE, "..", "include"))
    parser.add_argument("--golden", default=os.path.join(HERE, "jf-1.json"))
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    options = parser.parse_args()
    try:
        layout = dump(options.include, options.cc)
    except Unreadable as error:
        print("abi: " + str(error), file=sys.stderr)
        return 1
    if options.mode == "dump":
        sys.stdout.write(as_text(layout))
        return 0
    old = None
    if os.path.exists(options.golden):
        with open(options.golden, encoding="utf-8") as file:
            old = json.load(file)
    elif options.mode == "check":
        print("abi: no golden layout %s: write it with `layout.py update`" % options.golden, file=sys.stderr)
        return 1
    broken, added = rules.compare(old, layout) if old is not None else (rules.lint(layout), [])
    for line in broken:
        print("abi: BROKEN " + line, file=sys.stderr)
    for line in added:
        print("abi: new " + line)
    if broken:
        print("abi: existing items only grow at their end; a changed meaning needs a new id (/2)",
              file=sys.stderr)
        return 1
    if options.mode == "update":
        with open(options.golden, "w", encoding="utf-8") as file:
            file.write(as_text(layout))
    elif added:
        print("abi: compatible; record the new items with `layout.py update`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
