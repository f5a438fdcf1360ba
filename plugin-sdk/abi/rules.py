# SPDX-License-Identifier: Apache-2.0
# The rules by which the ABI grows: compares two layouts of layout.py, and checks one on its own.
"""compare(old, new) -> (what broke, what is new), each a list of sentences; lint(layout) -> what is wrong."""

# These stand in arrays or by value on both sides, or come before sizes are known: no member may be added.
FROZEN = ("jf_view", "jf_blob", "jf_pair", "jf_fault", "jf_offer", "jf_verdict", "jf_splice", "jf_spill",
          "jf_store_entry", "jf_store_limit", "jf_store_verdict")


def growable(struct):
    """A struct that says its own size may grow at its end."""
    fields = struct["fields"]
    return bool(fields) and fields[0]["name"] == "size" and fields[0]["type"] == "uint32_t"


def compare_fields(name, old, new, broken, added):
    """Old members must be unchanged and first; more may follow, beyond the old size."""
    for at, field in enumerate(old["fields"]):
        if at >= len(new["fields"]):
            broken.append("%s.%s was removed" % (name, field["name"]))
            continue
        other = new["fields"][at]
        if other["name"] != field["name"]:
            if any(f["name"] == field["name"] for f in new["fields"]):
                broken.append("%s.%s was moved: %s stands in its place"
                              % (name, field["name"], other["name"]))
            else:
                broken.append("%s.%s was removed or renamed: %s stands in its place"
                              % (name, field["name"], other["name"]))
            return
        for what in ("type", "offset", "size"):
            if other[what] != field[what]:
                broken.append("%s.%s changed its %s from `%s` to `%s`"
                              % (name, field["name"], what, field[what], other[what]))
    more = new["fields"][len(old["fields"]):]
    if more and (name in FROZEN or not growable(old)):
        broken.append("%s is frozen but has a new member %s" % (name, more[0]["name"]))
        return
    for field in more:
        if field["offset"] < old["size"]:
            broken.append("%s.%s lies in the padding of the old struct (offset %d, old size %d): older "
                          "peers would seem to have it; pad explicitly first"
                          % (name, field["name"], field["offset"], old["size"]))
        else:
            added.append("%s.%s (%s)" % (name, field["name"], field["type"]))
    if not more and new["size"] != old["size"]:
        broken.append("%s changed its size from %d to %d" % (name, old["size"], new["size"]))
    if new["alignment"] != old["alignment"]:
        broken.append("%s changed its alignment from %d to %d" % (name, old["alignment"], new["alignment"]))


def compare_values(section, word, old, new, broken, added):
    for name in sorted(old):
        if name not in new:
            broken.append("%s %s vanished" % (word, name))
        elif new[name] != old[name]:
            broken.append("%s %s changed from `%s` to `%s`" % (word, name, old[name], new[name]))
    for name in sorted(set(new) - set(old)):
        added.append("%s %s" % (word, name))


def compare(old, new):
    broken, added = lint(new), []
    for name in sorted(old["structs"]):
        if name in new["structs"]:
            compare_fields(name, old["structs"][name], new["structs"][name], broken, added)
        else:
            broken.append("struct %s vanished" % name)
    for name in sorted(set(new["structs"]) - set(old["structs"])):
        added.append("struct %s" % name)
    old_constants, new_constants = dict(old["constants"]), dict(new["constants"])
    before, after = old_constants.pop("JF_ABI_MINOR", 0), new_constants.pop("JF_ABI_MINOR", -1)
    if after < before:
        broken.append("JF_ABI_MINOR went from %d to %d: it only rises" % (before, after))
    elif after > before:
        added.append("JF_ABI_MINOR %d" % after)
    compare_values("constants", "constant", old_constants, new_constants, broken, added)
    for section, word in (("ids", "id"), ("types", "type"), ("functions", "function"), ("macros", "macro"),
                          ("lanes", "lane of")):
        compare_values(section, word, old.get(section, {}), new[section], broken, added)
    for header in old["headers"]:
        if header not in new["headers"]:
            broken.append("header %s vanished" % header)
    added += ["header %s" % header for header in new["headers"] if header not in old["headers"]]
    return broken, added


def lint(layout):
    """What no layout may do, whatever stood there before."""
    wrong = []
    structs = layout["structs"]
    able = {name for name in structs if growable(structs[name]) and name not in FROZEN}
    for name in sorted(structs):
        end = 0
        for field in structs[name]["fields"]:
            if field["offset"] != end:
                wrong.append("%s has %d hidden bytes of padding before %s: make them a member"
                             % (name, field["offset"] - end, field["name"]))
            end = field["offset"] + field["size"]
            if field["type"].split("[")[0] in able:
                wrong.append("%s.%s embeds the growable %s: use a pointer"
                             % (name, field["name"], field["type"]))
        if end != structs[name]["size"] and name in FROZEN:
            wrong.append("%s has %d hidden bytes of padding at its end"
                         % (name, structs[name]["size"] - end))
    values = {}
    for name in sorted(layout["ids"]):
        value = layout["ids"][name]
        if value in values:
            wrong.append("%s and %s are both \"%s\"" % (values[value], name, value))
        values[value] = name
    return wrong
