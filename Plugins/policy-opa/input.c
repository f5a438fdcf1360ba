/* SPDX-License-Identifier: Apache-2.0
 * What policies in Rego see. */
#include "opa.h"

static void name(pc_text *out, const char *key) {
    if (out->length > 0 && out->bytes[out->length - 1] != '{') pc_puts(out, ",");
    pc_puts(out, "\"");
    pc_puts(out, key);
    pc_puts(out, "\":");
}

static void text(pc_text *out, const char *key, jf_view value) {
    if (value.ptr == NULL || value.len == 0) return;
    name(out, key);
    pc_put_quoted(out, value);
}

static void raw(pc_text *out, const char *key, jf_view json) {
    if (json.ptr == NULL || json.len == 0) return;
    name(out, key);
    pc_put(out, json.ptr, json.len);
}

static void flag(pc_text *out, const char *key, bool is) {
    name(out, key);
    pc_puts(out, is ? "true" : "false");
}

static void names(pc_text *out, const char *key, const jf_view *list, uint64_t count) {
    name(out, key);
    pc_puts(out, "[");
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) pc_puts(out, ",");
        pc_put_quoted(out, list[i]);
    }
    pc_puts(out, "]");
}

static void principal(pc_text *out, const jf_principal *who) {
    name(out, "principal");
    pc_puts(out, "{");
    flag(out, "known", who->id != 0);
    text(out, "subject", who->subject);
    text(out, "tenant", who->tenant);
    text(out, "issuer", who->issuer);
    text(out, "provider", who->provider);
    text(out, "credential", who->credential);
    names(out, "roles", who->roles, who->role_count);
    names(out, "scopes", who->scopes, who->scope_count);
    raw(out, "attributes", who->attributes);
    pc_puts(out, "}");
}

/* The item, without who asks. */
static void item(pc_text *out, const jf_access *it) {
    static const char *const kinds[] = {"tool", "resource", "template", "prompt"};
    text(out, "action", it->action);
    if (it->kind <= JF_PROMPTS) text(out, "kind", pc_view(kinds[it->kind]));
    flag(out, "listing", (it->flags & JF_ACCESS_LISTING) != 0);
    text(out, "server", it->server);
    text(out, "name", it->name);
    text(out, "shown", it->shown);
    text(out, "target", it->target);
    name(out, "traits");
    pc_puts(out, "{");
    flag(out, "read_only", (it->traits & JF_PICK_READ_ONLY) != 0);
    flag(out, "idempotent", (it->traits & JF_PICK_IDEMPOTENT) != 0);
    flag(out, "destructive", (it->traits & JF_PICK_DESTRUCTIVE) != 0);
    flag(out, "open_world", (it->traits & JF_PICK_OPEN_WORLD) != 0);
    pc_puts(out, "}");
    name(out, "labels");
    pc_puts(out, "{");
    for (uint64_t i = 0; i < it->label_count; i++) {
        if (i > 0) pc_puts(out, ",");
        pc_put_quoted(out, it->labels[i].name);
        pc_puts(out, ":");
        pc_put_quoted(out, it->labels[i].value);
    }
    pc_puts(out, "}");
    raw(out, "definition", it->definition);
    raw(out, "arguments", it->arguments);
}

/* Without the port, which is another one for each connection. */
static jf_view host_of(jf_view address) {
    const uint8_t *first = address.len > 0 ? memchr(address.ptr, ':', address.len) : NULL;
    if (first == NULL) return address;
    if (address.ptr[0] == '[') {
        const uint8_t *close = memchr(address.ptr, ']', address.len);
        return close != NULL ? (jf_view){address.ptr + 1, (uint64_t)(close - address.ptr - 1)} : address;
    }
    uint64_t rest = (uint64_t)(address.ptr + address.len - first - 1);
    return memchr(first + 1, ':', rest) == NULL ? (jf_view){address.ptr, (uint64_t)(first - address.ptr)}
                                                : address;
}

static void place(pc_text *out, const jf_access *it) {
    text(out, "address", host_of(it->address));
    text(out, "region", it->region);
}

void opa_write(pc_text *out, const jf_access *access) {
    pc_puts(out, "{\"input\":{");
    principal(out, access->principal);
    item(out, access);
    place(out, access);
    pc_puts(out, "}}");
}

void opa_write_many(pc_text *out, const jf_access *const *accesses, uint64_t count) {
    pc_puts(out, "{\"input\":{");
    if (count > 0) {
        principal(out, accesses[0]->principal);
        place(out, accesses[0]);
    }
    name(out, "items");
    pc_puts(out, "[");
    for (uint64_t i = 0; i < count; i++) {
        pc_puts(out, i > 0 ? ",{" : "{");
        item(out, accesses[i]);
        pc_puts(out, "}");
    }
    pc_puts(out, "]}}");
}
