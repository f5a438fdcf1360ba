/* SPDX-License-Identifier: Apache-2.0
 * The server's part of the opening handshake (RFC 6455 section 4.2). */
#include "server.h"

#include <stdio.h>

int upgrade_head(struct incoming *in) {
    bool body = (in->parser.flags & F_CHUNKED) != 0 || (!in->no_length && in->parser.content_length != 0);
    if (!body) return 0;
    in->refused = 400;
    return -1;
}

/** The path without query; "/mcp/" is "/mcp". */
static jf_view path_of(const struct incoming *in) {
    jf_view query, path = view_until(view_make(incoming_base(in) + in->url, in->url_len), '?', &query);
    if (path.len == 5 && memcmp(path.ptr, "/mcp/", 5) == 0) path.len = 4;
    return path;
}

static bool is_endpoint(jf_view path) {
    return path.len >= 4 && memcmp(path.ptr, "/mcp", 4) == 0 && (path.len == 4 || path.ptr[4] == '/');
}

static uint16_t judge(struct conn *c, const char **text) {
    const struct incoming *in = &c->in;
    jf_view key, version;
    bool protocols = false;
    uint16_t status = access_check(c, text);
    if (status != 0) return status;
    if (!is_endpoint(path_of(in))) {
        *text = "Not found: MCP endpoints are /mcp, /mcp/servers/NAME and /mcp/bundles/NAME";
        return 404;
    }
    if (in->parser.method != HTTP_GET) {
        *text = "Method not allowed: this is a WebSocket endpoint, upgrade a GET request";
        return 405;
    }
    if (in->parser.http_minor == 0 || !head_lists(in, "upgrade", "websocket", NULL) ||
        !head_lists(in, "connection", "upgrade", NULL)) {
        *text = "Upgrade required: this is a WebSocket endpoint (ws://)";
        return 426;
    }
    if (head_field(in, "sec-websocket-version", &version) != 1 || !view_equal(version, LITERAL("13"))) {
        *text = "Upgrade required: the WebSocket version here is 13";
        return 426;
    }
    if (head_field(in, "sec-websocket-key", &key) != 1 || !key_is_valid(key)) {
        *text = "Bad request: exactly one Sec-WebSocket-Key of 16 bytes in Base64 is needed";
        return 400;
    }
    if (!head_lists(in, "sec-websocket-protocol", "mcp", &protocols) && protocols) {
        *text = "Bad request: the only sub-protocol here is mcp";
        return 400;
    }
    return 0;
}

static const char *reason_of(uint16_t status) {
    switch (status) {
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 426:
        return "Upgrade Required";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Bad Request";
    }
}

void upgrade_refuse(struct conn *c, uint16_t status, const char *text) {
    char head[512];
    const char *extra = status == 426   ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        : status == 405 ? "Allow: GET\r\n"
                        : status == 503 ? "Retry-After: 1\r\n"
                                        : "";
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 %u %s\r\n%sConnection: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                          "Content-Length: %zu\r\n\r\n%s\n",
                          status, reason_of(status), extra, status == 426 ? "Upgrade, close" : "close",
                          strlen(text) + 1, text);
    struct iovec part = {head, (size_t)length};
    incoming_drop(&c->in);
    framer_end(&c->framer);
    conn_write(c, &part, 1, NULL);
    conn_finish(c);
}

/** Tells the host of the client. False: it wants no more of them. */
static bool open_client(struct conn *c) {
    jf_self *self = c->self;
    char text[64];
    uint32_t length = endpoint_text(&c->peer, text, sizeof(text));
    jf_client_info info = {
        .size = sizeof(info), .flags = JF_CLIENT_SHARED, .listener = c->listener->port.ref};
    info.address = view_make(text, length);
    uint8_t *certificate = c->tls != NULL ? tls_link_describe(c->tls, &info) : NULL;
    if (self->inbound.opened(self->inbound.context, &info, &c->client) != JF_OK) c->client = 0;
    if (certificate != NULL) self_release(self, certificate);
    if (c->client == 0) return false;
    if (client_map_add(&whole(self)->clients, &self->memory, c->client, c)) return true;
    jf_ref client = c->client;
    c->client = 0;
    self->inbound.closed(self->inbound.context, client);
    return false;
}

/** The handshake's own fields say nothing about the client. */
static struct fields *keep_fields(const struct conn *c) {
    jf_pair pairs[FIELDS_MAX];
    uint32_t listed = fields_list(&c->in, pairs), count = 0;
    for (uint32_t i = 0; i < listed; i++) {
        jf_view name = pairs[i].name;
        bool own = view_is_nocase(name, "connection") || view_is_nocase(name, "upgrade") ||
                   (name.len >= 14 && same_nocase(name.ptr, 14, "sec-websocket-", 14));
        if (!own) pairs[count++] = pairs[i];
    }
    void *memory = self_allocate(c->self, fields_size(pairs, count));
    return memory == NULL ? NULL : fields_copy(memory, pairs, count);
}

static void accept_it(struct conn *c, jf_view key) {
    char head[256], accept[ACCEPT_LENGTH + 1];
    key_answer(key, accept);
    bool named = head_lists(&c->in, "sec-websocket-protocol", "mcp", NULL);
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                          accept, named ? "Sec-WebSocket-Protocol: mcp\r\n" : "");
    struct iovec part = {head, (size_t)length};
    c->state = CONN_OPEN;
    conn_write(c, &part, 1, NULL);
}

void upgrade_run(struct conn *c) {
    const char *text = NULL;
    struct listener *l = c->listener;
    jf_view key;
    uint16_t status = judge(c, &text);
    if (status != 0) {
        upgrade_refuse(c, status, text);
        return;
    }
    head_field(&c->in, "sec-websocket-key", &key);
    c->target = self_copy(c->self, path_of(&c->in));
    c->fields = keep_fields(c);
    c->framer = (struct framer){.self = c->self,
                                .owner = c,
                                .on_text = reply_deliver,
                                .write = conn_write,
                                .max_message = l->max_message,
                                .ping_interval = l->ping_interval,
                                .pong_timeout = l->pong_timeout};
    bool memory = c->target != NULL && c->fields != NULL;
    if (!memory || c->excess || c->self->draining || !framer_open(&c->framer) || !open_client(c)) {
        upgrade_refuse(c, 503, "Unavailable: too many clients, try again later");
        return;
    }
    accept_it(c, key);
}
