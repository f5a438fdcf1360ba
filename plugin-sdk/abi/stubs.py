#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Generates the stubs that meter the border (Sources/CMeter/stubs.h and stubs/) from the headers of the ABI.
"""Usage: stubs.py [--check] [--include DIR] [--out DIR]

Writes one stub for each slot of each table, and what wraps the tables. With --check nothing is written: exit
status 1 where the files are not what would be written. A slot that LANES does not know stops the generator:
how it is counted depends on the threads that call it, which only its header's comment says.
"""
import argparse
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import layout  # noqa: E402

# Facets and services by their table's C type, with how each slot is called, as its header's lane tag says:
# control (rarely), lane, request (lane, or a worker's thread), any.
LANES = {
    "jf_plugin": "create:control destroy:control facet:control start:control drain:control stop:control",
    "jf_listener_1": "listen:control unlisten:control reply:lane close:lane",
    "jf_connector_1": "open:control send:lane cancel:lane close:control usage:control",
    "jf_toolset_1": "open:control close:control list:control call:request read:request prompt:request "
                    "complete:request cancel:any",
    "jf_routing_1": "attach:control detach:control pick:lane observe:lane export_state:control "
                    "import_state:control",
    "jf_auth_1": "attach:control detach:control identify:lane describe:control cancel:any",
    "jf_credentials_1": "attach:control detach:control supply:lane cancel:any",
    "jf_policy_1": "attach:control detach:control decide:lane review:lane classify:lane cancel:any",
    "jf_filter_1": "attach:control detach:control request:lane result:lane ended:lane cancel:any",
    "jf_store_1": "get:request put:request remove:request list:request add:request take:request "
                  "watch:control unwatch:control cancel:any",
    "jf_callback_1": "lease:any release:any",
    "jf_calls_1": "start:lane cancel:lane",
    "jf_channels_1": "ready:lane deliver:lane failed:lane writable:lane closed:lane",
    "jf_clock_1": "monotonic_ns:any wall_ns:any",
    "jf_config_1": "find:any next:any text:any integer:any real:any quote:any secret:any",
    "jf_connected_1": "connected:any forget:any",
    "jf_http_1": "mount:lane unmount:lane respond:lane request:lane abandon:lane",
    "jf_identity_1": "forget:any",
    "jf_inbound_1": "opened:lane deliver:lane gone:lane writable:lane closed:lane",
    "jf_interpose_1": "wrap:control unwrap:control",
    "jf_log_1": "write:any enabled:any",
    "jf_loop_1": "watch:lane unwatch:lane timer:lane cancel:lane post:any now:lane index:any",
    "jf_memory_1": "allocate:any release:any borrow:lane give_back:lane",
    "jf_ops_1": "finish:any state:any progress:any",
    "jf_policies_1": "changed:any",
    "jf_seal_1": "seal:any open:any",
    "jf_signing_1": "public_key:any sign:any verify:any",
    "jf_state_1": "get:lane put:lane remove:lane list:lane add:lane take:lane watch:lane unwatch:lane "
                  "abandon:lane",
    "jf_toolsets_1": "changed:any",
    "jf_watches_1": "changed:any",
}
# What a plugin gives jf.loop/1 to be called back is metered like slots, with stubs written by hand (shim.c).
CALLBACKS = ("ready", "timer", "task")
# Parameters that may hold secrets, and tables of which all texts but these may: only sizes are traced.
PRIVATE = {"config", "state"}
PRIVATE_TABLES = {"jf_auth_1": {"name"}, "jf_config_1": {"pointer", "name", "key"}, "jf_connected_1": set(),
                  "jf_credentials_1": {"server"}, "jf_filter_1": {"name"}, "jf_identity_1": set(),
                  "jf_policy_1": {"name"}, "jf_seal_1": set(), "jf_signing_1": set(),
                  "jf_state_1": set(), "jf_store_1": set(), "jf_watches_1": set()}
# Slots that take an argument in every case: an injected failure has to drop it.
TAKEN = {("jf_ops_1", "finish"): "result"}
# Structs that notes.c knows how to show.
SHOWN = {"jf_access", "jf_call", "jf_callback_request", "jf_client_info", "jf_credentials", "jf_demand",
         "jf_fault", "jf_http_request", "jf_http_response", "jf_interpose_plan", "jf_message", "jf_outcome",
         "jf_passage", "jf_passed", "jf_pick", "jf_principal", "jf_request", "jf_ruling", "jf_store_add",
         "jf_store_limit", "jf_store_list", "jf_store_put"}
# Pointers to pointers, of which only the count beside them is shown.
COUNTED = ("jf_endpoint", "jf_access")
NUMBERS = {"uint32_t", "uint64_t", "int32_t", "int64_t"}

HEAD = """/* SPDX-License-Identifier: Apache-2.0
 * %s
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */
"""


class Slot:
    """One function of a table, with the names of its parameters."""

    def __init__(self, table, name, result, parameters, kind):
        self.table, self.name, self.result, self.kind = table, name, result, kind
        self.parameters = []
        for parameter in layout.split_parameters(parameters):
            words = layout.squeeze(parameter)
            match = re.fullmatch(r"(.*[ *])(\w+)", words)
            if not match:
                sys.exit("stubs: %s.%s: the parameter `%s` has no name" % (table.type, name, words))
            self.parameters.append((match.group(1).strip(), match.group(2)))

    @property
    def constant(self):
        return "JF_SLOT_%s_%s" % (self.table.name.upper(), self.name.upper())

    @property
    def function(self):
        return "%s_%s" % (self.table.name, self.name)

    @property
    def answer(self):
        if self.result == "void":
            return "ANSWER_NONE"
        if self.result == "int32_t":
            return "ANSWER_STATUS"
        return "ANSWER_POINTER" if self.result.endswith("*") else "ANSWER_NUMBER"


class Table:
    def __init__(self, type_name, identifier, body):
        self.type, self.id = type_name, identifier
        self.name = re.sub(r"_\d+$", "", type_name.removeprefix("jf_"))
        self.is_service = bool(re.search(r"\bvoid \*context;", body))
        # What lies in the table itself and is no slot: `const uint32_t *wants`.
        self.data = [name for name in re.findall(r"^\s*const \w+ \*(\w+);", body, flags=re.M)]
        lanes = dict(word.split(":") for word in LANES.get(type_name, "").split())
        self.slots = []
        for result, name, parameters in re.findall(r"([^;()]+?)\(\s*\*\s*(\w+)\s*\)\s*\(([^;]*)\)\s*;", body):
            if name not in lanes:
                sys.exit("stubs: %s.%s is not in LANES: say there how it is called" % (type_name, name))
            result = layout.squeeze(result)
            self.slots.append(Slot(self, name, result, parameters, lanes.pop(name)))
        if lanes:
            sys.exit("stubs: LANES names slots that %s does not have: %s" % (type_name, ", ".join(lanes)))


def read_tables(include, golden):
    """The tables of the headers, in the order of LANES: the plugin's own, and each that has an id."""
    with open(golden, encoding="utf-8") as file:
        known = json.load(file)
    ids = {"jf_" + value[3:].replace("/", "_").replace("-", "_"): value for value in known["ids"].values()}
    folder, bodies = os.path.join(include, "jackfield"), {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".h"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = re.sub(r"^[ \t]*#.*$", "", layout.strip_comments(file.read()), flags=re.M)
            bodies.update(re.findall(r"typedef\s+struct\s+(\w+)\s*\{([^{}]*)\}\s*\w+\s*;", text))
    tables = [name for name in bodies if name in ids or name == "jf_plugin"]
    unknown = sorted(set(tables) - set(LANES))
    if unknown:
        sys.exit("stubs: tables that LANES does not know: " + ", ".join(unknown))
    return [Table(name, ids.get(name, name), bodies[name]) for name in LANES]


def declared(type_name, name):
    return type_name + name if type_name.endswith("*") else "%s %s" % (type_name, name)


def spelled(type_name):
    """`const jf_message*` as the formatter wants it: `const jf_message *`."""
    text = re.sub(r"\s*\*\s*const\s*\*", " *const *", type_name)
    return text if text != type_name else re.sub(r" ?(\*+)$", r" \1", text)


def is_private(slot, name):
    allowed = PRIVATE_TABLES.get(slot.table.type)
    return name not in allowed if allowed is not None else name in PRIVATE


def notes_before(slot):
    """What a trace shows of the arguments."""
    lines = []
    for type_name, name in slot.parameters[1:]:
        base = type_name.removeprefix("const ").removesuffix("*").strip()
        if type_name == "jf_view":
            what = "size" if is_private(slot, name) else "view"
            lines.append('note_%s(&probe, "%s", %s);' % (what, name, name))
        elif type_name == "jf_ref":
            lines.append('note_ref(&probe, "%s", %s);' % (name, name))
        elif type_name in NUMBERS:
            lines.append('note_number(&probe, "%s", (int64_t)%s);' % (name, name))
        elif type_name == "double":
            lines.append('note_real(&probe, "%s", %s);' % (name, name))
        elif type_name.replace(" ", "") == "constchar*":
            lines.append('note_text(&probe, "%s", %s);' % (name, name))
        elif TAKEN.get((slot.table.type, slot.name)) == name:
            lines.append('note_result(&probe, "%s", %s);' % (name, name))
        elif type_name.startswith("const ") and base in SHOWN:
            lines.append('note_%s(&probe, "%s", %s);' % (base, name, name))
        elif type_name.startswith("const jf_") and base != "jf_pair":
            if not (type_name.endswith("*const*") and base.split("*")[0] in COUNTED):
                sys.exit("stubs: %s.%s: notes.c has nothing for a `%s`; add it" % (
                    slot.table.type, slot.name, type_name))
    return lines


def notes_after(slot):
    """What a trace shows of the results."""
    done, refused = [], []
    for type_name, name in slot.parameters[1:]:
        kind = type_name.replace(" ", "")
        if kind == "jf_fault*":
            refused.append('note_jf_fault(&probe, "%s", %s);' % (name, name))
        elif TAKEN.get((slot.table.type, slot.name)) == name or type_name.startswith("const "):
            continue
        elif kind == "jf_ref*":
            done.append('if (%s != NULL) note_ref(&probe, "%s", *%s);' % (name, name, name))
        elif kind.removesuffix("*") in NUMBERS and kind.endswith("*"):
            done.append('if (%s != NULL) note_number(&probe, "%s", (int64_t)*%s);' % (name, name, name))
        elif kind == "double*":
            done.append('if (%s != NULL) note_real(&probe, "%s", *%s);' % (name, name, name))
        elif kind == "jf_view*":
            what = "size" if is_private(slot, name) else "view"
            done.append('if (%s != NULL) note_%s(&probe, "%s", *%s);' % (name, what, name, name))
        elif kind == "jf_blob*":
            private = slot.table.type in PRIVATE_TABLES or "state" in slot.name
            done.append('note_blob%s(&probe, "%s", %s);' % ("_size" if private else "", name, name))
        elif kind.endswith("*") and kind[:-1] in SHOWN:
            # Filled in with JF_OK only.
            done.append('if (answer == 0) note_%s(&probe, "%s", %s);' % (kind[:-1], name, name))
    return done, refused


def stub(slot):
    """The fast path, which counts and forwards, and the slow path, which times, traces and injects."""
    table = slot.table
    first_type, first = slot.parameters[0]
    rest = [declared(spelled(t), n) for t, n in slot.parameters[1:]]
    names = ", ".join([n for _, n in slot.parameters[1:]])
    result, returns = spelled(slot.result), slot.result != "void"
    taken = TAKEN.get((table.type, slot.name))
    fault = next((n for t, n in slot.parameters if t.replace(" ", "") == "jf_fault*"), "NULL")
    lane = "pass_service(service->shim, hot)" if table.is_service else "pass_lane(hot)"
    passes = {"control": "pass_lane(hot)", "lane": lane, "any": "pass_any(hot)",
              "request": "pass_request(shim, hot)"}[slot.kind]
    if table.is_service:
        source = "struct service *service = %s;" % first
        shim, other = "service->shim", "service->real.%s.%s(service->context" % (table.name, slot.name)
        carried, carrier = "struct service *service", "service"
        provided = "service->is_provided"
    else:
        source = "jf_shim *shim = (jf_shim *)%s;" % first
        shim, other = "shim", "shim->real.%s.%s(shim->self" % (table.name, slot.name)
        carried, carrier = "jf_shim *shim", "shim"
        provided = "false"
    forward = other + (", " + names if names else "") + ")"
    slow = "%s_slow(%s)" % (slot.function, ", ".join([carrier] + ([names] if names else [])))
    head = "static COLD %s(%s) {" % (declared(result, slot.function + "_slow"), ", ".join([carried] + rest))
    lines = [head, "    struct probe probe;"]
    lines.append("    probe_begin(&probe, %s, %s, %s);" % (shim, slot.constant, provided))
    before, (done, refused) = notes_before(slot), notes_after(slot)
    if before:
        lines += ["    if (probe.traces) {"] + ["        " + line for line in before] + ["    }"]
    status = slot.answer == "ANSWER_STATUS"
    if slot.answer in ("ANSWER_STATUS", "ANSWER_POINTER"):
        lines.append("    %s = %s;" % (declared(result, "answer"), "probe.injected" if status else "NULL"))
        lines.append("    if (probe.injected == 0) {")
        lines.append("        answer = %s;" % forward)
        extra = []
        if fault != "NULL":
            extra.append("        probe_refuse(&probe, %s);" % fault)
        if taken:
            extra += ["        if (%s != NULL) {" % taken,
                      "            if (%s->drop != NULL) %s->drop(%s->owner);" % (taken, taken, taken),
                      "            *%s = (jf_blob){0};" % taken, "        }"]
        lines += ["    } else {"] + extra + ["    }"] if extra else ["    }"]
    elif returns:
        lines.append("    %s = %s;" % (declared(result, "answer"), forward))
    else:
        lines.append("    %s;" % forward)
    if not table.is_service and slot.name == "facet":
        lines.append("    answer = wrap_offered(shim, id, answer);")
    lines.append("    probe_end(&probe, %s);" % ("answer" if status else "0"))
    lines.append("    if (probe.traces) {")
    good, bad = ("answer == JF_OK", "answer < 0") if status else ("", "")
    for condition, notes in ((good, done), (bad, refused)):
        if notes and condition:
            lines += ["        if (%s) {" % condition] + ["            " + n for n in notes] + ["        }"]
        else:
            lines += ["        " + n for n in notes]
    if slot.answer == "ANSWER_NUMBER":
        lines.append('        note_number(&probe, "answer", (int64_t)answer);')
    if slot.answer == "ANSWER_POINTER":
        lines.append('        note_text(&probe, "answer", answer == NULL ? NULL : "present");')
    lines += ["        probe_print(&probe, %s);" % ("answer" if status else "0"), "    }"]
    if returns:
        lines.append("    return answer;")
    lines += ["}", ""]
    lines.append("static %s(%s) {" % (declared(result, slot.function),
                                      ", ".join([declared(spelled(first_type), first)] + rest)))
    lines.append("    " + source)
    lines.append("    struct slot_hot *hot = &%s->hot[%s];" % (shim, slot.constant))
    if not table.is_service and slot.name == "facet":
        # What it returns has to be wrapped, so there is one path only.
        lines += ["    (void)%s;" % passes, "    return %s;" % slow, "}", ""]
        return lines
    lines.append("    if (!%s) %s%s;" % (passes, "return " if returns else "", slow) if returns
                 else "    if (!%s) {\n        %s;\n        return;\n    }" % (passes, slow))
    if status:
        lines.append("    return passed(%s, %s, %s);" % (shim, slot.constant, forward))
    else:
        lines.append("    %s%s;" % ("return " if returns else "", forward))
    return lines + ["}", ""]


def table_file(table):
    """The stubs of one table, and the function that puts them into it."""
    title = "Stubs of %s: each counts, times by samples, traces, injects; then forwards." % table.id
    lines = [HEAD % title, '#include "../shim.h"', ""]
    for slot in table.slots:
        if slot.constant != "JF_SLOT_PLUGIN_CREATE":
            lines += stub(slot)
    own = "%s *own, const %s *real" % (table.type, table.type)
    lines += ["void wrap_%s(%s) {" % (table.name, own), "    own->size = sizeof *own;"]
    second = "minor" if table.type == "jf_plugin" else "flags"
    lines.append("    own->%s = real->%s;" % (second, second))
    for slot in table.slots:
        if slot.constant != "JF_SLOT_PLUGIN_CREATE":
            lines.append("    if (real->%s != NULL) own->%s = %s;" % (slot.name, slot.name, slot.function))
    lines += ["    own->%s = real->%s;" % (name, name) for name in table.data]
    return "\n".join(lines + ["}", ""])


def tables_file(tables):
    """What is known of each slot, and the tables by their ids."""
    lines = [HEAD % "The slots and tables of the ABI, for the meter.", '#include "../shim.h"', "",
             "#include <string.h>", "", "const struct slot_info jf_slots[JF_SLOT_COUNT] = {"]
    for table in tables:
        for slot in table.slots:
            names = '{"%s", "%s", "%s"}' % (table.id, table.name, slot.name)
            lines.append("    [%s] = {%s, SLOT_%s, %s, %d}," % (
                slot.constant, names, slot.kind.upper(), slot.answer, table.is_service))
    for name in CALLBACKS:
        names = '{"callback", "callback", "%s"}' % name
        lines.append("    [JF_SLOT_CALLBACK_%s] = {%s, SLOT_LANE, ANSWER_NONE, 0}," % (name.upper(), names))
    lines += ["};", "", "/* A copy of a table that may be smaller or larger than ours. */",
              "static void take(void *real, size_t size, const void *table) {",
              "    uint32_t given;", "    memcpy(&given, table, sizeof given);",
              "    memcpy(real, table, given < size ? given : size);", "}", "",
              "const void *wrap_facet(jf_shim *shim, const char *id, const void *table) {"]
    for table in tables[1:]:
        if not table.is_service:
            where = "shim->real.%s" % table.name
            lines += ['    if (strcmp(id, "%s") == 0) {' % table.id,
                      "        take(&%s, sizeof %s, table);" % (where, where),
                      "        wrap_%s(&shim->own.%s, &%s);" % (table.name, table.name, where)]
            if table.type in PRIVATE_TABLES:
                lines.append("        shim->is_private = true;")
            lines += ["        return &shim->own.%s;" % table.name, "    }"]
    lines += ["    return NULL;", "}", "",
              "bool wrap_service(struct service *service, const char *id, const void *table) {"]
    for table in tables:
        if table.is_service:
            where = "service->real.%s" % table.name
            lines += ['    if (strcmp(id, "%s") == 0) {' % table.id,
                      '        service->id = "%s";' % table.id,
                      "        take(&%s, sizeof %s, table);" % (where, where),
                      "        service->context = %s.context;" % where,
                      "        service->own.%s.context = service;" % table.name,
                      "        wrap_%s(&service->own.%s, &%s);" % (table.name, table.name, where),
                      "        return true;", "    }"]
    return "\n".join(lines + ["    return false;", "}", ""])


def header_file(tables):
    lines = [HEAD % "The slots of the ABI by number, and room for its tables.",
             "#ifndef JACKFIELD_CMETER_STUBS_H", "#define JACKFIELD_CMETER_STUBS_H", "",
             "#include <jackfield/jackfield.h>", "", "enum {"]
    for table in tables:
        lines += ["    %s," % slot.constant for slot in table.slots]
    lines += ["    JF_SLOT_CALLBACK_%s," % name.upper() for name in CALLBACKS]
    lines += ["    JF_SLOT_COUNT", "};", ""]
    lines += ["/** The plugin's own table and its facets. */", "struct facet_tables {"]
    lines += ["    %s %s;" % (table.type, table.name) for table in tables if not table.is_service]
    lines += ["};", "", "/** The table of one service. */", "union service_tables {"]
    lines += ["    %s %s;" % (table.type, table.name) for table in tables if table.is_service]
    lines += ["};", "", "/* Fill a table of stubs for the slots that the real one has. */"]
    for table in tables:
        lines.append("void wrap_%s(%s *own, const %s *real);" % (table.name, table.type, table.type))
    return "\n".join(lines + ["", "#endif", ""])


def wrapped(text):
    """Breaks declarations and calls that are longer than a line may be, behind a comma."""
    out = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        while len(line) > 110 and not line.lstrip().startswith("/*"):
            cut = line.rfind(", ", 0, 109)
            if cut < 0:
                break
            out.append(line[:cut + 1])
            line = indent + line[cut + 2:]
        out.append(line)
    return "\n".join(out)


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on stale files")
    parser.add_argument("--include", default=os.path.join(HERE, "..", "include"))
    parser.add_argument("--golden", default=os.path.join(HERE, "jf-1.json"))
    parser.add_argument("--out", default=os.path.join(HERE, "..", "..", "Sources", "CMeter"))
    options = parser.parse_args()
    tables = read_tables(options.include, options.golden)
    files = {"stubs.h": header_file(tables), "stubs/tables.c": tables_file(tables)}
    files.update({"stubs/%s.c" % table.name: table_file(table) for table in tables})
    folder = os.path.join(options.out, "stubs")
    stale = ["stubs/" + name for name in (os.listdir(folder) if os.path.isdir(folder) else [])
             if "stubs/" + name not in files]
    for name, text in files.items():
        path, text = os.path.join(options.out, name), wrapped(text)
        current = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                current = file.read()
        if current == text:
            continue
        if options.check:
            stale.append(name)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    for name in stale:
        print("stubs: Sources/CMeter/%s is not what the headers give; run plugin-sdk/abi/stubs.py" % name,
              file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
