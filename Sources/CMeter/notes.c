/* SPDX-License-Identifier: Apache-2.0
 * What a trace shows of a call's arguments: handles, numbers, sizes, the beginnings of texts; never secrets.
 */
#include "shim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* True when a peer's struct is large enough to have the member. */
#define GIVEN(value, member)                                                                                 \
    ((value)->size >= offsetof(__typeof__(*(value)), member) + sizeof((value)->member))

static void put(struct probe *probe, const char *bytes, size_t count) {
    size_t left = sizeof probe->text - probe->len;
    if (count > left) count = left;
    memcpy(probe->text + probe->len, bytes, count);
    probe->len += (uint32_t)count;
}

/* " name=value" */
static void __attribute__((format(printf, 3, 4)))
put_value(struct probe *probe, const char *name, const char *format, ...) {
    char value[64];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    if (probe->len > 0) put(probe, " ", 1);
    put(probe, name, strlen(name));
    put(probe, "=", 1);
    if (count > 0) put(probe, value, (size_t)count < sizeof value ? (size_t)count : sizeof value - 1);
}

/* The beginning of a text in quotes. */
static void put_quoted(struct probe *probe, const uint8_t *bytes, uint64_t len) {
    uint64_t shown = len < JF_METER_SHOWN ? len : JF_METER_SHOWN;
    /* Not the first half of a character. */
    while (shown < len && shown > 0 && (bytes[shown] & 0xC0) == 0x80)
        shown--;
    put(probe, "\"", 1);
    for (uint64_t at = 0; at < shown; at++) {
        char escaped[8];
        if (bytes[at] == '"' || bytes[at] == '\\')
            put(probe, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\%c", bytes[at]));
        else if (bytes[at] < 0x20 || bytes[at] == 0x7F)
            put(probe, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", bytes[at]));
        else
            put(probe, (const char *)bytes + at, 1);
    }
    if (shown < len)
        put(probe, "\"...", 4);
    else
        put(probe, "\"", 1);
}

static void put_bytes(struct probe *probe, const char *name, const uint8_t *bytes, uint64_t len) {
    if (bytes == NULL) {
        put_value(probe, name, "absent");
        return;
    }
    put_value(probe, name, "%" PRIu64 " ", len);
    put_quoted(probe, bytes, len);
}

void note_view(struct probe *probe, const char *name, jf_view value) {
    put_bytes(probe, name, value.ptr, value.len);
}

void note_size(struct probe *probe, const char *name, jf_view value) {
    if (value.ptr == NULL)
        put_value(probe, name, "absent");
    else
        put_value(probe, name, "%" PRIu64 " bytes", value.len);
}

void note_text(struct probe *probe, const char *name, const char *value) {
    put_value(probe, name, "%s", value == NULL ? "absent" : "");
    if (value != NULL) put(probe, value, strnlen(value, JF_METER_SHOWN));
}

void note_ref(struct probe *probe, const char *name, jf_ref value) {
    put_value(probe, name, "0x%" PRIx64, value);
}

void note_number(struct probe *probe, const char *name, int64_t value) {
    put_value(probe, name, "%" PRId64, value);
}

void note_real(struct probe *probe, const char *name, double value) {
    put_value(probe, name, "%g", value);
}

void note_blob(struct probe *probe, const char *name, const jf_blob *value) {
    if (value != NULL) put_bytes(probe, name, value->ptr, value->len);
}

void note_blob_size(struct probe *probe, const char *name, const jf_blob *value) {
    if (value != NULL) note_size(probe, name, (jf_view){.ptr = value->ptr, .len = value->len});
}

/* A member that is shown only when it is there. */
static void note_present(struct probe *probe, const char *name, jf_view value) {
    if (value.ptr != NULL) note_view(probe, name, value);
}

/* The same, of which only the size may be known. */
static void note_hidden(struct probe *probe, const char *name, jf_view value) {
    if (value.ptr != NULL) note_size(probe, name, value);
}

void note_result(struct probe *probe, const char *name, const jf_blob *value) {
    if (probe->shim->is_private)
        note_blob_size(probe, name, value);
    else
        note_blob(probe, name, value);
}

void note_jf_fault(struct probe *probe, const char *name, const jf_fault *value) {
    if (value == NULL || value->text_len == 0) return;
    uint32_t len = value->text_len < sizeof value->text ? value->text_len : (uint32_t)sizeof value->text;
    put_bytes(probe, name, (const uint8_t *)value->text, len);
}

void note_jf_message(struct probe *probe, const char *name, const jf_message *value) {
    if (value == NULL || !GIVEN(value, retainable)) return;
    note_number(probe, "kind", value->kind);
    put_value(probe, "flags", "0x%" PRIx32, value->flags);
    note_number(probe, "status", value->status);
    note_ref(probe, "exchange", value->exchange);
    note_present(probe, "target", value->target);
    note_present(probe, "protocol", value->protocol);
    note_present(probe, "method", value->method);
    note_present(probe, "name", value->name);
    note_hidden(probe, "session", value->session);
    if (value->header_count > 0) note_number(probe, "headers", (int64_t)value->header_count);
    if (GIVEN(value, field_count) && value->field_count > 0)
        note_number(probe, "fields", (int64_t)value->field_count);
    uint64_t len = 0;
    for (uint32_t at = 0; value->body != NULL && at < value->body_count; at++)
        len += value->body[at].len;
    put_value(probe, name, "%" PRIu64 " ", len);
    uint8_t shown[JF_METER_SHOWN];
    uint64_t count = 0;
    for (uint32_t at = 0; value->body != NULL && at < value->body_count && count < sizeof shown; at++) {
        uint64_t part = value->body[at].len;
        if (part > sizeof shown - count) part = sizeof shown - count;
        if (part > 0) memcpy(shown + count, value->body[at].ptr, part);
        count += part;
    }
    put_quoted(probe, shown, count);
    if (count < len) put(probe, "...", 3);
}

void note_jf_pick(struct probe *probe, const char *name, const jf_pick *value) {
    if (value == NULL || !GIVEN(value, session)) return;
    note_number(probe, "attempt", value->attempt);
    note_present(probe, "method", value->method);
    note_present(probe, "name", value->name);
    note_hidden(probe, "principal", value->principal);
    note_hidden(probe, "session", value->session);
    note_view(probe, name, value->params);
}

void note_jf_outcome(struct probe *probe, const char *name, const jf_outcome *value) {
    if (value == NULL || !GIVEN(value, latency_ns)) return;
    note_ref(probe, "endpoint", value->endpoint);
    note_number(probe, "latency_ns", (int64_t)value->latency_ns);
    note_number(probe, name, value->status);
}

void note_jf_request(struct probe *probe, const char *name, const jf_request *value) {
    if (value == NULL || !GIVEN(value, principal)) return;
    note_ref(probe, "set", value->set);
    note_view(probe, "name", value->name);
    note_hidden(probe, "principal", value->principal);
    note_view(probe, name, value->arguments);
}

void note_jf_call(struct probe *probe, const char *name, const jf_call *value) {
    if (value == NULL || !GIVEN(value, principal)) return;
    note_view(probe, "target", value->target);
    note_view(probe, "method", value->method);
    note_hidden(probe, "principal", value->principal);
    note_view(probe, name, value->params);
}

void note_jf_client_info(struct probe *probe, const char *name, const jf_client_info *value) {
    if (value == NULL || !GIVEN(value, address)) return;
    put_value(probe, "flags", "0x%" PRIx32, value->flags);
    note_ref(probe, "listener", value->listener);
    if (GIVEN(value, server_name)) {
        note_hidden(probe, "certificate", value->certificate);
        note_present(probe, "server_name", value->server_name);
    }
    note_view(probe, name, value->address);
}

void note_jf_http_request(struct probe *probe, const char *name, const jf_http_request *value) {
    if (value == NULL || !GIVEN(value, header_count)) return;
    note_view(probe, "method", value->method);
    /* What stands behind `?` may be a key. */
    jf_view url = value->url;
    const uint8_t *query = url.ptr == NULL ? NULL : memchr(url.ptr, '?', url.len);
    if (query != NULL) url.len = (uint64_t)(query - url.ptr);
    note_view(probe, "url", url);
    note_number(probe, "headers", (int64_t)value->header_count);
    note_size(probe, name, value->body);
}

void note_jf_http_response(struct probe *probe, const char *name, const jf_http_response *value) {
    if (value == NULL || !GIVEN(value, header_count)) return;
    note_number(probe, "status", value->status);
    note_number(probe, "headers", (int64_t)value->header_count);
    note_view(probe, name, value->body);
}

void note_jf_callback_request(struct probe *probe, const char *name, const jf_callback_request *value) {
    if (value == NULL || !GIVEN(value, idle)) return;
    note_view(probe, name, value->shape);
    note_number(probe, "idle", (int64_t)value->idle);
}

void note_jf_interpose_plan(struct probe *probe, const char *name, const jf_interpose_plan *value) {
    if (value == NULL || !GIVEN(value, user)) return;
    note_number(probe, name, (int64_t)value->count);
}

/* ---- who asks, and what may be: sizes of all that says who or that lets in ------------------------------
 */

void note_jf_principal(struct probe *probe, const char *name, const jf_principal *value) {
    if (value == NULL || !GIVEN(value, id)) return;
    note_ref(probe, name, value->id);
}

void note_jf_credentials(struct probe *probe, const char *name, const jf_credentials *value) {
    if (value == NULL || !GIVEN(value, now_ms)) return;
    put_value(probe, "flags", "0x%" PRIx32, value->flags);
    note_present(probe, "target", value->target);
    note_present(probe, "address", value->address);
    note_hidden(probe, "certificate", value->certificate);
    note_number(probe, name, (int64_t)value->field_count);
}

void note_jf_demand(struct probe *probe, const char *name, const jf_demand *value) {
    if (value == NULL || !GIVEN(value, now_ms)) return;
    note_jf_principal(probe, "principal", value->principal);
    note_hidden(probe, "endpoint", value->endpoint);
    note_present(probe, "method", value->method);
    note_present(probe, "name", value->name);
    note_hidden(probe, "presented", value->presented);
    note_hidden(probe, "challenge", value->challenge);
    note_number(probe, "refused", value->refused);
    note_number(probe, name, value->attempt);
}

void note_jf_access(struct probe *probe, const char *name, const jf_access *value) {
    if (value == NULL || !GIVEN(value, now_ms)) return;
    put_value(probe, "flags", "0x%" PRIx32, value->flags);
    note_jf_principal(probe, "principal", value->principal);
    note_view(probe, "action", value->action);
    note_present(probe, "server", value->server);
    note_hidden(probe, "arguments", value->arguments);
    note_view(probe, name, value->name);
}

void note_jf_ruling(struct probe *probe, const char *name, const jf_ruling *value) {
    if (value == NULL || !GIVEN(value, scopes)) return;
    put_value(probe, "flags", "0x%" PRIx32, value->flags);
    note_present(probe, "rule", value->rule);
    note_number(probe, name, value->decision);
}

void note_jf_passage(struct probe *probe, const char *name, const jf_passage *value) {
    if (value == NULL || !GIVEN(value, arguments)) return;
    put_value(probe, "flags", "0x%" PRIx32, value->flags);
    note_jf_principal(probe, "principal", value->principal);
    note_number(probe, "call", (int64_t)value->call);
    note_ref(probe, "memory", value->memory);
    note_view(probe, "method", value->method);
    note_present(probe, "server", value->server);
    note_present(probe, "name", value->name);
    note_size(probe, name, value->body);
}

void note_jf_passed(struct probe *probe, const char *name, const jf_passed *value) {
    if (value == NULL || !GIVEN(value, bytes)) return;
    note_number(probe, "call", (int64_t)value->call);
    note_ref(probe, "memory", value->memory);
    note_number(probe, "latency_ns", (int64_t)value->latency_ns);
    note_number(probe, name, value->status);
}

/* ---- stores: keys and values may be sessions and tokens -------------------------------------------------
 */

void note_jf_store_put(struct probe *probe, const char *name, const jf_store_put *value) {
    if (value == NULL || !GIVEN(value, value)) return;
    note_number(probe, "flags", value->flags);
    note_number(probe, "revision", (int64_t)value->revision);
    note_number(probe, "ttl_ms", (int64_t)value->ttl_ms);
    note_size(probe, "key", value->key);
    note_size(probe, name, value->value);
}

void note_jf_store_list(struct probe *probe, const char *name, const jf_store_list *value) {
    if (value == NULL || !GIVEN(value, after)) return;
    note_number(probe, "flags", value->flags);
    note_number(probe, "most", (int64_t)value->most);
    note_size(probe, "after", value->after);
    note_size(probe, name, value->prefix);
}

void note_jf_store_add(struct probe *probe, const char *name, const jf_store_add *value) {
    if (value == NULL || !GIVEN(value, key)) return;
    note_number(probe, "delta", value->delta);
    note_number(probe, "ttl_ms", (int64_t)value->ttl_ms);
    note_size(probe, name, value->key);
}

/* The first one of an array; how many there are is an argument of its own. */
void note_jf_store_limit(struct probe *probe, const char *name, const jf_store_limit *value) {
    if (value == NULL) return;
    note_number(probe, "kind", value->kind);
    note_number(probe, "cost", (int64_t)value->cost);
    note_size(probe, name, value->key);
}
