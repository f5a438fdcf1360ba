/* SPDX-License-Identifier: Apache-2.0
 * From an HTTP request to a message for the host: checks, routing, mirrored headers
 * (MCP 2026-07-28, Streamable HTTP; RFC 9110). */
#include "fields.h"
#include "listener.h"

enum { DISCARD_MAX = 65536 };

static jf_view path_of(const struct incoming *in, jf_view *query) {
    jf_view url = view_make(incoming_base(in) + in->url, in->url_len);
    // The absolute form (RFC 9112 section 3.2.2) is for proxies; its authority is not ours to judge by.
    if (url.len > 7 && url.ptr[0] != '/') {
        struct url parts;
        if (url_parse(url, &parts)) url = parts.path.len == 0 ? LITERAL("/") : parts.path;
    }
    return view_until(url, '?', query);
}

static bool is_endpoint(jf_view path) {
    return path.len >= 4 && memcmp(path.ptr, "/mcp", 4) == 0 && (path.len == 4 || path.ptr[4] == '/');
}

static int discard(struct incoming *in, const uint8_t *bytes, uint64_t length) {
    (void)in, (void)bytes, (void)length;
    return 0;
}

/** Media type without parameters. */
static bool media_is(jf_view value, const char *type) {
    jf_view rest;
    value = view_trim(view_until(value, ';', &rest));
    return same_nocase(value.ptr, value.len, type, strlen(type));
}

static uint16_t judge(struct conn *c, const char **text) {
    struct incoming *in = &c->in;
    uint8_t method = in->parser.method;
    uint16_t status = access_check(c, text);
    if (status != 0) return status;
    jf_view coding = incoming_field(in, FIELD_TRANSFER_CODING);
    if (coding.ptr != NULL && !view_is_nocase(coding, "chunked")) {
        *text = "Not implemented: the only transfer coding here is chunked";
        return 501;
    }
    jf_view query, path = path_of(in, &query);
    uint8_t route = is_endpoint(path) ? ROUTE_MCP : c->listener->sse ? legacy_route(path) : ROUTE_NONE;
    if (route == ROUTE_NONE) {
        if (method == HTTP_OPTIONS && c->origin != NULL) return 0;
        if (mount_match(in->self, path) != NULL) {
            c->route = ROUTE_MOUNT;
            return 0;
        }
        *text = "Not found: MCP endpoints are /mcp, /mcp/servers/NAME and /mcp/bundles/NAME";
        return 404;
    }
    c->route = route;
    if (method == HTTP_OPTIONS || (method == HTTP_DELETE && route == ROUTE_MCP)) return 0;
    if (method == HTTP_GET && route != ROUTE_MESSAGES) {
        if (incoming_field(in, FIELD_RESUME).len <= RESUME_MAX) return 0;
        *text = "Bad request: Last-Event-ID is none of this server's";
        return 400;
    }
    if (method != HTTP_POST || route == ROUTE_SSE) {
        *text = route == ROUTE_SSE ? "Method not allowed: use GET" : "Method not allowed: use POST";
        return 405;
    }
    jf_view type = incoming_field(in, FIELD_CONTENT_TYPE);
    jf_view content = incoming_field(in, FIELD_CONTENT_CODING);
    if (incoming_repeated(in, FIELD_CONTENT_TYPE) || !media_is(type, "application/json") ||
        (content.ptr != NULL && !view_is_nocase(content, "identity"))) {
        *text = "Unsupported media type: send the JSON-RPC message as Content-Type: application/json";
        return 415;
    }
    return 0;
}

int request_head(struct incoming *in) {
    struct conn *c = in->owner;
    uint8_t method = in->parser.method;
    bool body = (in->parser.flags & F_CHUNKED) != 0 || in->parser.content_length != 0;
    c->http10 = in->parser.http_minor == 0;
    c->head_only = method == HTTP_HEAD;
    c->route = ROUTE_NONE;
    c->mount = NULL;
    if (c->origin != NULL) self_release(in->self, c->origin);
    c->origin = NULL;
    if (method == HTTP_CONNECT) {
        in->refused = 400;
        return -1;
    }
    c->verdict_text = NULL;
    c->verdict = judge(c, &c->verdict_text);
    bool wants_continue =
        body && !c->http10 && view_is_nocase(incoming_field(in, FIELD_EXPECT), "100-continue");
    if (c->verdict != 0 || method == HTTP_OPTIONS ||
        ((c->route == ROUTE_MCP || c->route == ROUTE_SSE) && method != HTTP_POST)) {
        // The body says nothing any more. A short one is read past, so that the connection can stay.
        if (c->verdict != 0 && body &&
            (wants_continue || in->no_length || in->parser.content_length > DISCARD_MAX)) {
            in->refused = c->verdict;
            return -1;
        }
        if (body && c->verdict != 0) in->on_data = discard;
        return 0;
    }
    if (!in->no_length && in->parser.content_length > in->max_body) return 0;
    if (wants_continue) {
        struct iovec part = {"HTTP/1.1 100 Continue\r\n\r\n", 25};
        conn_write(c, &part, 1, NULL);
    }
    return 0;
}

static uint32_t accepts(const struct incoming *in) {
    jf_view list = incoming_field(in, FIELD_ACCEPT), item, parameters;
    const uint32_t both = JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM;
    if (list.ptr == NULL) return both;
    uint32_t found = 0;
    if (incoming_repeated(in, FIELD_ACCEPT)) {
        // Rare: several lines mean one list.
        for (uint32_t i = 0; i < in->head->count; i++) {
            const struct field *field = &in->head->fields[i];
            if (field->id != FIELD_ACCEPT) continue;
            jf_view value = view_make(incoming_base(in) + field->value, field->value_len);
            if (memmem(value.ptr, value.len, "json", 4) != NULL) found |= JF_MSG_ACCEPTS_JSON;
            if (memmem(value.ptr, value.len, "event-stream", 12) != NULL) found |= JF_MSG_ACCEPTS_STREAM;
            if (memmem(value.ptr, value.len, "*/*", 3) != NULL) found |= both;
        }
        return found;
    }
    while (list.ptr != NULL) {
        item = view_trim(view_until(view_until(list, ',', &list), ';', &parameters));
        parameters = view_trim(parameters);
        if (view_is_nocase(parameters, "q=0") || view_is_nocase(parameters, "q=0.0")) continue;
        if (view_is_nocase(item, "application/json") || view_is_nocase(item, "application/*"))
            found |= JF_MSG_ACCEPTS_JSON;
        else if (view_is_nocase(item, "text/event-stream") || view_is_nocase(item, "text/*"))
            found |= JF_MSG_ACCEPTS_STREAM;
        else if (view_is_nocase(item, "*/*"))
            found |= both;
    }
    return found;
}

/** Decodes a mirrored value where it stands. */
static bool decode(jf_view *value) {
    return value->len == 0 || mirrored_decode((uint8_t *)(uintptr_t)value->ptr, &value->len);
}

static uint32_t collect_params(const struct incoming *in, jf_pair *pairs, bool *bad) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < in->head->count; i++) {
        const struct field *field = &in->head->fields[i];
        if (field->id != FIELD_PARAM) continue;
        jf_pair *pair = &pairs[count++];
        pair->name = view_make(incoming_base(in) + field->name, field->name_len);
        pair->value = view_trim(view_make(incoming_base(in) + field->value, field->value_len));
        if (!decode(&pair->value)) *bad = true;
        for (uint32_t k = 0; k + 1 < count; k++)
            if (view_equal_nocase(pairs[k].name, pair->name)) *bad = true;
    }
    return count;
}

bool request_client(struct conn *c, uint32_t flags) {
    jf_self *self = c->in.self;
    if (c->client != 0) return true;
    char text[64];
    uint32_t length = endpoint_text(&c->peer, text, sizeof(text));
    jf_client_info info = {.size = sizeof(info),
                           .flags = flags,
                           .listener = c->listener->port.ref,
                           .address = view_make(text, length)};
    uint8_t *certificate = c->tls != NULL ? tls_link_describe(c->tls, &info) : NULL;
    int32_t status = self->inbound.opened(self->inbound.context, &info, &c->client);
    if (certificate != NULL) self_release(self, certificate);
    if (status == JF_OK && c->client != 0) return true;
    c->client = 0;
    return false;
}

static void deliver(struct conn *c) {
    struct incoming *in = &c->in;
    jf_self *self = in->self;
    uint8_t method = in->parser.method;
    if (!request_client(c, 0)) {
        c->keep = false;
        answer_error(c, 503, "Unavailable: too many clients, try again later", LITERAL("Retry-After: 1\r\n"));
        return;
    }
    jf_view query, body = view_make(incoming_base(in) + in->body, in->body_len);
    jf_message message = {.size = sizeof(message), .flags = accepts(in), .exchange = c->exchange};
    message.kind = method == HTTP_POST ? JF_KIND_MESSAGE : method == HTTP_GET ? JF_KIND_STREAM : JF_KIND_END;
    c->events_only = (message.flags & JF_MSG_ACCEPTS_JSON) == 0;
    if (method == HTTP_POST && in->body_len != 0) {
        message.body = &body;
        message.body_count = 1;
        message.flags |= JF_MSG_PADDED;
    }
    message.target = path_of(in, &query);
    if (message.target.len == 5) message.target.len = 4;
    message.protocol = incoming_field(in, FIELD_PROTOCOL);
    message.method = incoming_field(in, FIELD_METHOD);
    message.name = incoming_field(in, FIELD_NAME);
    message.session = incoming_field(in, FIELD_SESSION);
    message.resume = incoming_field(in, FIELD_RESUME);
    const uint32_t mirrored = 1u << FIELD_PROTOCOL | 1u << FIELD_METHOD | 1u << FIELD_NAME |
                              1u << FIELD_SESSION | 1u << FIELD_RESUME;
    bool bad = (in->head->repeated & mirrored) != 0 || !decode(&message.name);
    jf_pair pairs[FIELDS_MAX];
    if (in->params != 0) {
        message.header_count = collect_params(in, pairs, &bad);
        message.headers = pairs;
    }
    if (bad) message.flags |= JF_MSG_BAD_HEADERS;
    jf_pair fields[FIELDS_MAX];
    if ((*self->inbound.wants & JF_WANTS_FIELDS) != 0) {
        message.field_count = fields_list(in, fields);
        message.fields = fields;
    }
    if (self->inbound.deliver(self->inbound.context, c->client, &message) == JF_OK) return;
    // The host knows this client no more.
    c->client = 0;
    c->closing = true;
    c->exchange = 0;
    conn_later(c);
}

static jf_view allowed_methods(uint8_t route) {
    if (route == ROUTE_SSE) return LITERAL("Allow: GET, OPTIONS\r\n");
    if (route == ROUTE_MESSAGES) return LITERAL("Allow: POST, OPTIONS\r\n");
    return LITERAL("Allow: POST, GET, DELETE, OPTIONS\r\n");
}

static void preflight(struct conn *c) {
    jf_view allow = allowed_methods(c->route);
    jf_view cors = LITERAL("Access-Control-Allow-Methods: POST, GET, DELETE, OPTIONS\r\n"
                           "Access-Control-Allow-Headers: Content-Type, Accept, Authorization, "
                           "MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID\r\n"
                           "Access-Control-Max-Age: 600\r\n");
    if (c->origin == NULL || incoming_field(&c->in, FIELD_CORS_METHOD).ptr == NULL) {
        answer_empty(c, 204, allow);
        return;
    }
    // Mcp-Param-* names are open-ended: what the browser asks for is repeated to it.
    jf_view asked = {NULL, 0};
    const struct head *head = c->in.head;
    for (uint32_t i = 0; i < head->count; i++) {
        jf_view name = view_make(incoming_base(&c->in) + head->fields[i].name, head->fields[i].name_len);
        if (view_is_nocase(name, "access-control-request-headers"))
            asked = view_trim(
                view_make(incoming_base(&c->in) + head->fields[i].value, head->fields[i].value_len));
    }
    uint8_t text[2048];
    struct writer w = {text, text + sizeof(text), false};
    if (asked.len != 0 && asked.len < 1024) {
        put_literal(&w, "Access-Control-Allow-Methods: POST, GET, DELETE, OPTIONS\r\n"
                        "Access-Control-Max-Age: 600\r\nAccess-Control-Allow-Headers: ");
        put_view(&w, asked);
        put_literal(&w, "\r\n");
        cors = view_make(text, (uint64_t)(w.at - text));
    }
    answer_empty(c, 204, cors);
}

/** HTTP+SSE: opens a stream, or takes a message. */
static void run_sse(struct conn *c) {
    jf_view query, path = path_of(&c->in, &query);
    if (c->route == ROUTE_MESSAGES)
        legacy_take(c, query);
    else if ((accepts(&c->in) & JF_MSG_ACCEPTS_STREAM) != 0)
        legacy_open(c, path);
    else
        answer_error(c, 406, "Not acceptable: this is a stream of text/event-stream", (jf_view){0});
}

void request_run(struct conn *c) {
    jf_self *self = c->in.self;
    c->keep = c->in.keep_alive && !self->draining;
    c->events_only = false;
    c->exchange = (++whole(self)->exchange_count << 24) | c->slot.index;
    c->state = CONN_BUSY;
    if (c->verdict != 0) {
        jf_view allow = c->verdict == 405 ? allowed_methods(c->route) : (jf_view){0};
        answer_error(c, c->verdict, c->verdict_text, allow);
    } else if (c->in.parser.method == HTTP_OPTIONS && c->route != ROUTE_MOUNT) {
        preflight(c);
    } else if (c->route == ROUTE_MOUNT) {
        mount_run(c);
    } else if (c->route != ROUTE_MCP) {
        run_sse(c);
    } else {
        deliver(c);
    }
}
