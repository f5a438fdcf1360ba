/* SPDX-License-Identifier: Apache-2.0
 * jf.http/1, serving: paths that the host and other plugins mount on the listeners. */
#include "listener.h"

struct mount {
    struct slot slot;
    char *path;
    uint64_t length;
    jf_http_serve_fn serve;
    void *user;
};

static bool covers(const struct mount *m, jf_view path) {
    if (path.len < m->length || memcmp(path.ptr, m->path, m->length) != 0) return false;
    return path.len == m->length || m->path[m->length - 1] == '/';
}

struct mount *mount_match(jf_self *self, jf_view path) {
    struct mount *best = NULL;
    for (uint32_t i = 0; i < whole(self)->mounts.made; i++) {
        struct mount *m = slots_at(&whole(self)->mounts, i);
        if (m->slot.ref != 0 && covers(m, path) && (best == NULL || m->length > best->length)) best = m;
    }
    return best;
}

int32_t mount_add(void *context, jf_view path, jf_http_serve_fn serve, void *user, jf_ref *mount) {
    jf_self *self = context;
    struct http *it = whole(self);
    if (path.len == 0 || path.ptr[0] != '/' || serve == NULL || memchr(path.ptr, '?', path.len) != NULL)
        return JF_E_INVALID;
    if (path.len >= 4 && memcmp(path.ptr, "/mcp", 4) == 0 && (path.len == 4 || path.ptr[4] == '/'))
        return JF_E_BUSY;
    for (uint32_t i = 0; i < it->mounts.made; i++) {
        struct mount *m = slots_at(&it->mounts, i);
        if (m->slot.ref != 0 && view_equal(view_make(m->path, m->length), path)) return JF_E_BUSY;
    }
    struct mount *m = slots_take(&it->mounts, &self->memory);
    if (m == NULL) return JF_E_FAULT;
    m->path = self_copy(self, path);
    if (m->path == NULL) {
        slots_give(&it->mounts, m);
        return JF_E_FAULT;
    }
    m->length = path.len;
    m->serve = serve;
    m->user = user;
    *mount = m->slot.ref;
    return JF_OK;
}

void mount_remove(void *context, jf_ref mount) {
    jf_self *self = context;
    struct mount *m = slots_find(&whole(self)->mounts, mount);
    if (m == NULL) return;
    self_release(self, m->path);
    slots_give(&whole(self)->mounts, m);
}

uint32_t mount_size(void) {
    return sizeof(struct mount);
}

void mounts_end(jf_self *self) {
    struct http *it = whole(self);
    for (uint32_t i = 0; i < it->mounts.made; i++) {
        struct mount *m = slots_at(&it->mounts, i);
        if (m->slot.ref != 0) mount_remove(self, m->slot.ref);
    }
    slots_end(&it->mounts, &self->memory);
}

void mount_run(struct conn *c) {
    struct incoming *in = &c->in;
    jf_self *self = in->self;
    jf_view url = view_make(incoming_base(in) + in->url, in->url_len), query;
    struct url parts;
    if (url_parse(url, &parts)) url = parts.path.len == 0 ? LITERAL("/") : parts.path;
    struct mount *m = mount_match(self, view_until(url, '?', &query));
    if (m == NULL) {
        answer_error(c, 404, "Not found", (jf_view){0});
        return;
    }
    jf_pair headers[FIELDS_MAX];
    for (uint32_t i = 0; i < in->head->count; i++) {
        const struct field *field = &in->head->fields[i];
        uint8_t *name = in->buf.ptr + in->start + field->name;
        for (uint32_t k = 0; k < field->name_len; k++)
            if (name[k] >= 'A' && name[k] <= 'Z') name[k] = (uint8_t)(name[k] + 32);
        headers[i].name = view_make(name, field->name_len);
        headers[i].value = view_trim(view_make(incoming_base(in) + field->value, field->value_len));
    }
    char peer[64];
    uint32_t peer_length = endpoint_text(&c->peer, peer, sizeof(peer));
    const char *method = llhttp_method_name((llhttp_method_t)in->parser.method);
    jf_http_request request = {
        .size = sizeof(request),
        .exchange = c->exchange,
        .method = view_make(method, strlen(method)),
        .url = url,
        .peer = view_make(peer, peer_length),
        .body = in->body_len == 0 ? (jf_view){0} : view_make(incoming_base(in) + in->body, in->body_len),
        .headers = headers,
        .header_count = in->head->count,
    };
    m->serve(m->user, &request);
}

/** Headers that only the framing may set. */
static bool reserved(jf_view name) {
    return view_is_nocase(name, "content-length") || view_is_nocase(name, "transfer-encoding") ||
           view_is_nocase(name, "connection") || view_is_nocase(name, "date");
}

static uint64_t head_size(const jf_http_response *r) {
    uint64_t size = 1024;
    for (uint64_t i = 0; i < r->header_count; i++)
        size += r->headers[i].name.len + r->headers[i].value.len + 4;
    return size;
}

static void put_response_head(struct writer *w, struct conn *c, const jf_http_response *r, bool more) {
    put_answer_head(w, c, (uint16_t)r->status);
    for (uint64_t i = 0; i < r->header_count; i++) {
        const jf_pair *pair = &r->headers[i];
        if (reserved(pair->name) || !header_name_clean(pair->name) || !header_value_clean(pair->value))
            continue;
        put_view(w, pair->name);
        put_literal(w, ": ");
        put_view(w, pair->value);
        put_literal(w, "\r\n");
    }
    if (more) {
        if (c->chunked) put_literal(w, "Transfer-Encoding: chunked\r\n");
        put_literal(w, "\r\n");
    } else if (r->status == 204 || r->status == 304) {
        put_literal(w, "\r\n");
    } else {
        put_literal(w, "Content-Length: ");
        put_decimal(w, r->body.len);
        put_literal(w, "\r\n\r\n");
    }
}

int32_t mount_respond(void *context, jf_ref exchange, const jf_http_response *r) {
    jf_self *self = context;
    struct conn *c = conn_of_exchange(self, exchange);
    if (c == NULL || c->route != ROUTE_MOUNT || c->broken) return JF_E_STALE;
    if (c->state == CONN_BUSY && (r->status < 200 || r->status > 999)) return JF_E_INVALID;
    if (c->out.bytes > c->listener->full_bytes) {
        c->exchange = 0;
        c->broken = true;
        conn_later(c);
        return JF_E_STALE;
    }
    bool more = (r->flags & JF_HTTP_MORE) != 0, first = c->state == CONN_BUSY;
    uint64_t room = first ? head_size(r) : 64;
    uint8_t fixed[4096], *head = room <= sizeof(fixed) ? fixed : self_allocate(self, room);
    if (head == NULL) return JF_E_FAULT;
    struct writer w = {head, head + (room <= sizeof(fixed) ? sizeof(fixed) : room), false};
    if (first) {
        c->chunked = more && !c->http10;
        if (more && c->http10) c->keep = false;
        put_response_head(&w, c, r, more);
        c->state = CONN_STREAM;
    }
    bool body = r->body.len != 0 && !c->head_only && r->status != 204 && r->status != 304;
    if (c->chunked && body) {
        put_hex(&w, r->body.len);
        put_literal(&w, "\r\n");
    }
    const char *end = c->chunked ? (more ? "\r\n" : body ? "\r\n0\r\n\r\n" : "0\r\n\r\n") : "";
    if (c->head_only || (c->chunked && more && !body)) end = "";
    struct iovec parts[3] = {{head, (size_t)(w.at - head)},
                             {(void *)(uintptr_t)r->body.ptr, body ? r->body.len : 0},
                             {(void *)(uintptr_t)end, strlen(end)}};
    conn_write(c, parts, 3, NULL);
    if (head != fixed) self_release(self, head);
    if (c->broken) {
        c->exchange = 0;
        return JF_E_STALE;
    }
    if (!more) conn_answered(c);
    return c->out.bytes > c->listener->slow_bytes ? JF_E_BUSY : JF_OK;
}
