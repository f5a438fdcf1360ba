/* SPDX-License-Identifier: Apache-2.0
 * The load driver's requests: handshake, calls of both eras, end of a session. */
#include "load.h"

#define MODERN "2026-07-28"
#define LEGACY "2025-11-25"
#define META                                                                                                 \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" MODERN "\","                                 \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"bench-load\",\"version\":\"1.0\"},"                  \
    "\"io.modelcontextprotocol/clientCapabilities\":%s}"

static void head_of(connection *c, const char *verb) {
    c->request.len = 0;
    c->digit_count = 0;
    bytes_format(&c->request, "%s %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: bench-load\r\n", verb,
                 options.path, options.host, options.port);
    bytes_add(&c->request, options.headers.data, options.headers.len);
}

static void finish(connection *c, const bytes *body) {
    bytes_format(&c->request,
                 "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 body->len);
    for (int i = 0; i < c->digit_count; i++)
        c->digits[i] += c->request.len;
    bytes_add(&c->request, body->data, body->len);
}

static void add_digits(connection *c, bytes *body) {
    c->digits[c->digit_count++] = body->len;
    bytes_text(body, "0000000000");
}

static void add_session(connection *c) {
    bytes_text(&c->request, "MCP-Protocol-Version: " LEGACY "\r\n");
    if (c->session[0]) bytes_format(&c->request, "Mcp-Session-Id: %s\r\n", c->session);
}

void request_initialize(connection *c) {
    bytes body = {0};
    head_of(c, "POST");
    bytes_format(&body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
                 "\"" LEGACY "\",\"capabilities\":%s,\"clientInfo\":{\"name\":\"bench-load\","
                 "\"version\":\"1.0\"}}}",
                 options.capabilities);
    finish(c, &body);
    free(body.data);
}

void request_initialized(connection *c) {
    bytes body = {0};
    head_of(c, "POST");
    add_session(c);
    bytes_text(&body, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    finish(c, &body);
    free(body.data);
}

/** Text with the escapes of source code, `len` raw bytes of it. */
static void add_words(bytes *body, long len) {
    static const char *const words[] = {"gateway ",        "plugin ", "session ", "{ return ", "result; ",
                                        "\\\"quoted\\\" ", "tool ",   "0x1f ",    "line\\n"};
    for (size_t i = 0; len > 0; i++) {
        const char *word = words[i % (sizeof words / sizeof *words)];
        long n = (long)strlen(word);
        if (n > len) word = "xxxxxxxxxxxxxxxxxxxx";
        bytes_add(body, word, (size_t)(n > len ? len : n));
        len -= n;
    }
}

void request_call(connection *c) {
    bytes body = {0};
    bool call = !strcmp(options.method, "tools/call");
    head_of(c, "POST");
    if (options.modern) {
        bytes_format(&c->request, "MCP-Protocol-Version: " MODERN "\r\nMcp-Method: %s\r\n", options.method);
        if (call) bytes_format(&c->request, "Mcp-Name: %s\r\n", options.tool);
    } else {
        add_session(c);
    }
    bytes_text(&body, "{\"jsonrpc\":\"2.0\",\"id\":");
    add_digits(c, &body);
    bytes_format(&body, ",\"method\":\"%s\",\"params\":{", options.method);
    if (call) {
        bytes_format(&body, "\"name\":\"%s\",\"arguments\":{", options.tool);
        if (options.blob >= 0)
            bytes_format(&body, "\"n\":%ld,\"tag\":\"m", options.blob);
        else
            bytes_text(&body, "\"text\":\"m");
        add_digits(c, &body);
        bytes_text(&body, " ");
        if (options.blob < 0) add_words(&body, options.size - MARK_DIGITS - 2);
        bytes_text(&body, options.modern ? "\"}," : "\"}");
    }
    if (options.modern) bytes_format(&body, META, options.capabilities);
    bytes_text(&body, "}}");
    finish(c, &body);
    free(body.data);
}

void request_delete(connection *c) {
    bytes body = {0};
    head_of(c, "DELETE");
    add_session(c);
    finish(c, &body);
}

void request_stamp(connection *c, long id) {
    c->id = id;
    for (int k = 0; k < c->digit_count; k++) {
        long rest = id;
        for (size_t i = MARK_DIGITS; i-- > 0; rest /= 10) {
            c->request.data[c->digits[k] + i] = (char)('0' + rest % 10);
        }
    }
}
