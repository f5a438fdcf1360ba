/* SPDX-License-Identifier: Apache-2.0
 * The benchmark's MCP server: one JSON-RPC message in, one answer out, in both protocol eras. */
#define _GNU_SOURCE
#include "backend.h"
#include "json_span.h"

#include <time.h>
#include <unistd.h>

#define MODERN "2026-07-28"
#define LEGACY "2025-11-25"

enum { BLOB_LIMIT = 64 << 20 };

backend_counts counts;
static bytes tool_lists[BACKEND_SERVERS]; /* JSON arrays */
static unsigned boot;
static unsigned long sessions;

/** The fields of one request that an answer depends on; spans of the message. */
typedef struct call {
    span id, method, params, name, arguments, wanted, meta_version;
    bool modern;
} call;

static void make_list(int index) {
    bytes *list = &tool_lists[index];
    bytes_text(list, "[");
    for (int i = 0; i < options.tools; i++) {
        char name[32];
        static const char *const known[] = {"echo", "blob", "sleep"};
        if (i < 3)
            snprintf(name, sizeof name, "%s", known[i]);
        else
            snprintf(name, sizeof name, "tool_%03d", i);
        const char *properties =
            i == 1 ? "\"n\":{\"type\":\"integer\",\"description\":\"How many bytes of text to return\"},"
                     "\"tag\":{\"type\":\"string\",\"description\":\"The text begins with it\"}"
            : i == 2
                ? "\"ms\":{\"type\":\"integer\",\"description\":\"How long to wait before answering\"}"
                : "\"text\":{\"type\":\"string\",\"description\":\"The text that is returned unchanged\"},"
                  "\"tag\":{\"type\":\"string\",\"description\":\"A free label, not interpreted\"},"
                  "\"limit\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000}";
        bytes_format(
            list,
            "%s{\"name\":\"%s\",\"title\":\"Bench tool %d\",\"description\":\"Bench tool number %d of "
            "server %d. It exists to give the list a realistic weight and to be called.\","
            "\"inputSchema\":{\"type\":\"object\",\"properties\":{%s},\"required\":[\"%s\"]}}",
            i ? "," : "", name, i, i, index, properties,
            i == 1   ? "n"
            : i == 2 ? "ms"
                     : "text");
    }
    bytes_text(list, "]");
}

void backend_prepare(void) {
    for (int i = 0; i < options.servers; i++)
        make_list(i);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    boot = (unsigned)now.tv_nsec ^ (unsigned)now.tv_sec ^ (unsigned)getpid() * 2654435761u;
}

long backend_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

void backend_new_session(bytes *to) {
    bytes_format(to, "%08x-%lu", boot, ++sessions);
}

static void refuse(reply *out, const call *c, int status, int code, const char *text, const char *data) {
    counts.refused++;
    out->status = status;
    out->body.len = 0;
    bytes_text(&out->body, "{\"jsonrpc\":\"2.0\",\"id\":");
    bytes_span(&out->body, c->id.len ? c->id : (span){"null", 4});
    bytes_format(&out->body, ",\"error\":{\"code\":%d,\"message\":\"%s\"%s%s}}", code, text,
                 data ? ",\"data\":" : "", data ? data : "");
}

static bytes *open_result(reply *out, const call *c) {
    bytes_text(&out->body, "{\"jsonrpc\":\"2.0\",\"id\":");
    bytes_span(&out->body, c->id);
    bytes_text(&out->body, c->modern ? ",\"result\":{\"resultType\":\"complete\"," : ",\"result\":{");
    return &out->body;
}

static void close_cacheable(reply *out, const call *c) {
    if (c->modern) {
        bytes_format(&out->body, ",\"ttlMs\":%ld,\"cacheScope\":\"public\"", options.ttl_ms);
    }
    bytes_text(&out->body, "}}");
}

/** 1: a request, 0: nothing to answer, -1: refused. */
static int read_call(span message, call *c, reply *out) {
    json_walk walk = json_members(message);
    span key, value;
    int more;
    while ((more = json_next(&walk, &key, &value)) == 1) {
        if (span_is(key, "id"))
            c->id = value;
        else if (span_is(key, "method"))
            c->method = json_unquote(value);
        else if (span_is(key, "params"))
            c->params = value;
    }
    if (more < 0) return refuse(out, c, 400, -32700, "Parse error", NULL), -1;
    if (!c->id.len || !c->method.len) return 0;
    if (!c->params.len) return 1;
    walk = json_members(c->params);
    while (json_next(&walk, &key, &value) == 1) {
        span version;
        if (span_is(key, "name"))
            c->name = json_unquote(value);
        else if (span_is(key, "arguments"))
            c->arguments = value;
        else if (span_is(key, "protocolVersion"))
            c->wanted = json_unquote(value);
        else if (span_is(key, "_meta") &&
                 json_find(value, "io.modelcontextprotocol/protocolVersion", &version))
            c->meta_version = json_unquote(version);
    }
    return 1;
}

static bool admit_modern(const call *c, const request_meta *meta, reply *out) {
    if (!(options.eras & ERA_MODERN)) {
        refuse(out, c, 400, -32600, "Bad Request: initialize first", NULL);
        return false;
    }
    if (c->meta_version.len && !span_is(c->meta_version, MODERN)) {
        refuse(out, c, 400, -32022, "Unsupported protocol version", "{\"supported\":[\"" MODERN "\"]}");
        return false;
    }
    if (!options.strict || !meta) return true;
    const char *wrong = !c->meta_version.len                         ? "_meta is missing"
                        : !span_same(meta->version, c->meta_version) ? "MCP-Protocol-Version"
                        : !span_same(meta->method, c->method)        ? "Mcp-Method"
                        : span_is(c->method, "tools/call") && !span_same(meta->name, c->name) ? "Mcp-Name"
                                                                                              : NULL;
    if (!wrong) return true;
    char text[64];
    snprintf(text, sizeof text, "Header mismatch: %s", wrong);
    refuse(out, c, 400, -32020, text, NULL);
    return false;
}

static bool admit_legacy(const call *c, const request_meta *meta, reply *out) {
    if (!(options.eras & ERA_LEGACY)) {
        refuse(out, c, 400, -32022, "Unsupported protocol version", "{\"supported\":[\"" MODERN "\"]}");
        return false;
    }
    if (options.session != SESSION_REQUIRE || !meta || span_is(c->method, "initialize")) return true;
    char ours[16];
    size_t len = (size_t)snprintf(ours, sizeof ours, "%08x-", boot);
    if (meta->session.len > len && memcmp(meta->session.ptr, ours, len) == 0) return true;
    if (meta->session.len)
        refuse(out, c, 404, -32600, "Session not found", NULL);
    else
        refuse(out, c, 400, -32600, "Bad Request: Missing session ID", NULL);
    return false;
}

/** Text as tools really return it: one character in thirty escaped. */
static void add_filler(bytes *b, size_t len) {
    static const char piece[] = "    let value = try lookup(name) // see the table\\n"
                                "    return value ?? \\\"none\\\"; if count > 10 { break }\\n";
    bytes_reserve(b, len);
    for (; len >= sizeof piece - 1; len -= sizeof piece - 1)
        bytes_add(b, piece, sizeof piece - 1);
    for (; len; len--)
        bytes_add(b, "x", 1);
}

static void answer_tool(const call *c, reply *out) {
    span found, tag = {"", 0};
    if (c->arguments.len && json_find(c->arguments, "tag", &found)) tag = json_unquote(found);
    bool echo = span_is(c->name, "echo") || (c->name.len == 8 && memcmp(c->name.ptr, "tool_", 5) == 0);
    if (echo) {
        bool given = c->arguments.len && json_find(c->arguments, "text", &found) && *found.ptr == '"';
        bytes_text(open_result(out, c), "\"content\":[{\"type\":\"text\",\"text\":");
        bytes_span(&out->body, given ? found : (span){"\"text is missing\"", 17});
        bytes_text(&out->body, given ? "}],\"isError\":false}}" : "}],\"isError\":true}}");
        return;
    }
    bool blob = span_is(c->name, "blob");
    if (!blob && !span_is(c->name, "sleep")) {
        refuse(out, c, 200, -32602, "Unknown tool", NULL);
        return;
    }
    bool given = c->arguments.len && json_find(c->arguments, blob ? "n" : "ms", &found);
    long number = given ? strtol(found.ptr, NULL, 10) : 0;
    if (number < 0 || number > BLOB_LIMIT) number = 0;
    bytes_text(open_result(out, c), "\"content\":[{\"type\":\"text\",\"text\":\"");
    bytes_span(&out->body, tag);
    if (blob)
        add_filler(&out->body, (size_t)number > tag.len ? (size_t)number - tag.len : 0);
    else
        out->delay_ms = number;
    bytes_text(&out->body, "\"}],\"isError\":false}}");
}

static void answer_initialize(int index, const call *c, reply *out) {
    static const char *const known[] = {LEGACY, "2025-06-18", "2025-03-26", "2024-11-05"};
    const char *version = LEGACY;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (span_is(c->wanted, known[i])) version = known[i];
    }
    bytes_format(open_result(out, c),
                 "\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{}},"
                 "\"serverInfo\":{\"name\":\"bench-%d\",\"version\":\"1.0\"}}}",
                 version, index);
    out->new_session = options.session != SESSION_NONE;
}

void backend_answer(int index, span message, const request_meta *meta, reply *out) {
    call c = {0};
    out->status = 200;
    out->body.len = 0;
    out->delay_ms = 0;
    out->new_session = false;
    int kind = read_call(message, &c, out);
    if (kind <= 0) {
        if (kind == 0) out->status = 0;
        return;
    }
    c.modern = c.meta_version.len || (meta && span_is(meta->version, MODERN));
    if (!(c.modern ? admit_modern(&c, meta, out) : admit_legacy(&c, meta, out))) return;
    if (span_is(c.method, "tools/call")) {
        counts.calls++;
        answer_tool(&c, out);
        if (index == options.servers - 1) out->delay_ms += options.slow_ms;
    } else if (span_is(c.method, "tools/list")) {
        counts.lists++;
        bytes_text(open_result(out, &c), "\"tools\":");
        bytes_add(&out->body, tool_lists[index].data, tool_lists[index].len);
        close_cacheable(out, &c);
    } else if (span_is(c.method, "server/discover") && c.modern) {
        counts.others++;
        bytes_format(open_result(out, &c),
                     "\"supportedVersions\":[\"" MODERN "\"],\"capabilities\":{\"tools\":{}},\"_meta\":"
                     "{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"bench-%d\",\"version\":\"1.0\"}}",
                     index);
        close_cacheable(out, &c);
    } else if (span_is(c.method, "initialize") && !c.modern) {
        counts.others++;
        answer_initialize(index, &c, out);
    } else if (span_is(c.method, "ping") && !c.modern) {
        counts.others++;
        bytes_text(open_result(out, &c), "\"_meta\":{}}}");
    } else {
        refuse(out, &c, c.modern ? 404 : 200, -32601, "Method not found", NULL);
    }
}
