/* SPDX-License-Identifier: Apache-2.0
 * A server's configuration. */
#include "uplink.h"

enum { HEADERS_MAX = 16384 };

struct lines {
    struct writer w;
    bool bad;
};

static bool add_line(void *user, jf_view name, jf_view value) {
    struct lines *lines = user;
    static const char *const own[] = {"host",    "content-length", "transfer-encoding",
                                      "upgrade", "connection",     "expect"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (same_nocase(name.ptr, name.len, own[i], strlen(own[i]))) lines->bad = true;
    if (name.len >= 14 && same_nocase(name.ptr, 14, "sec-websocket-", 14)) lines->bad = true;
    if (!header_name_clean(name) || !header_value_clean(value)) lines->bad = true;
    put_view(&lines->w, name);
    put_literal(&lines->w, ": ");
    put_view(&lines->w, value);
    put_literal(&lines->w, "\r\n");
    return !lines->bad && !lines->w.full;
}

static bool read_headers(struct uplink *u, jf_view config) {
    jf_self *self = u->remote.self;
    uint8_t text[HEADERS_MAX];
    struct lines lines = {.w = {text, text + sizeof(text), false}};
    if (!setting_members(self, config, "/headers", add_line, &lines)) return false;
    u->headers = self_copy(self, view_make(text, (uint64_t)(lines.w.at - text)));
    return true;
}

/** Reads a ws or wss URL with the reader of http and https ones. False: not such a URL. */
static bool read_url(struct uplink *u, jf_view text) {
    struct remote *o = &u->remote;
    jf_self *self = o->self;
    struct url url;
    bool plain = text.len > 5 && same_nocase(text.ptr, 5, "ws://", 5);
    if (!plain && (text.len <= 6 || !same_nocase(text.ptr, 6, "wss://", 6))) return false;
    char *http = self_allocate(self, text.len + 4);
    if (http == NULL) return false;
    uint64_t scheme = plain ? 2 : 3;
    memcpy(http, plain ? "http" : "https", scheme + 2);
    memcpy(http + scheme + 2, text.ptr + scheme, text.len - scheme);
    bool valid = url_parse(view_make(http, strlen(http)), &url);
    if (valid) {
        o->secure = url.secure;
        o->port = url.port;
        o->host = self_copy(self, url.host);
        o->authority = self_copy(self, url.authority);
        bool rooted = url.path.len != 0 && url.path.ptr[0] == '/';
        uint64_t lead = rooted ? 0 : 1;
        u->path = self_allocate(self, url.path.len + 2);
        if (u->path != NULL) {
            u->path[0] = '/';
            if (url.path.len != 0) memcpy(u->path + lead, url.path.ptr, url.path.len);
        }
    }
    self_release(self, http);
    return valid;
}

static double read_real(jf_self *self, jf_view config, const char *pointer, double least, double most,
                        double fallback) {
    jf_view value;
    uint32_t kind = 0;
    double number = 0;
    if (config.len == 0 || self->config.find(self->config.context, config,
                                             view_make(pointer, strlen(pointer)), &value, &kind) != JF_OK)
        return fallback;
    if (kind != JF_JSON_NUMBER || self->config.real(self->config.context, value, &number) != JF_OK)
        return fallback;
    return number < least ? least : number > most ? most : number;
}

static void read_times(struct uplink *u, jf_view config) {
    jf_self *self = u->remote.self;
    u->remote.connect_timeout = setting_wait(self, config, "/connect_timeout_ms", 5000);
    u->handshake_timeout = setting_wait(self, config, "/handshake_timeout_ms", 10000);
    u->ping_interval = setting_wait(self, config, "/ping_interval_ms", 30000);
    u->pong_timeout = setting_wait(self, config, "/pong_timeout_ms", 10000);
    u->close_timeout = setting_wait(self, config, "/close_timeout_ms", 2000);
    u->initial = setting_wait(self, config, "/reconnect/initial_ms", 200);
    u->longest = setting_wait(self, config, "/reconnect/max_ms", 30000);
    u->healthy = setting_wait(self, config, "/reconnect/healthy_ms", 10000);
    u->factor = read_real(self, config, "/reconnect/factor", 1, 100, 2);
    u->jitter = read_real(self, config, "/reconnect/jitter", 0, 1, 0.2);
    u->give_up_after = (uint32_t)setting_number(self, config, "/reconnect/give_up_after", 0);
}

int32_t uplink_configure(struct uplink *u, jf_view config, jf_fault *why) {
    struct remote *o = &u->remote;
    jf_self *self = o->self;
    char *text = setting_text(self, config, "/url");
    bool valid = text != NULL && read_url(u, view_make(text, strlen(text)));
    self_release(self, text);
    if (!valid)
        return jf_fault_set(why, JF_E_INVALID, 0, "server \"%s\" needs a url such as ws://127.0.0.1:9000/mcp",
                            o->name);
    if (!read_headers(u, config))
        return jf_fault_set(
            why, JF_E_INVALID, 0,
            "the headers of server \"%s\" are not usable: texts of at most 16 KiB together, none "
            "that the upgrade itself sets (Host, Connection, Upgrade, Sec-WebSocket-*)",
            o->name);
    read_times(u, config);
    o->max_message = setting_number(self, config, "/max_message", 4194304);
    if (o->max_message > 1u << 30) o->max_message = 1u << 30;
    u->queue = setting_number(self, config, "/queue", 8388608);
    if (u->queue > 1u << 30) u->queue = 1u << 30;
    if (o->host == NULL || o->authority == NULL || u->path == NULL || u->headers == NULL)
        return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for server \"%s\"", o->name);
    remote_find_literal(o);
    if (!o->secure) return JF_OK;
    char *ca_file = setting_text(self, config, "/ca_file");
    o->tls = tls_context_open(self, setting_flag(self, config, "/tls_verify", true), ca_file, o->name, why);
    self_release(self, ca_file);
    return o->tls != NULL ? JF_OK : JF_E_FAULT;
}
