/* SPDX-License-Identifier: Apache-2.0
 * jf.http/1, asking: HTTP requests of the host and of other plugins, through pools by origin. */
#include "connector.h"
#include "tls.h"

#include <stdio.h>

enum { CLIENT_CONNECTIONS = 64, RESPONSE_MAX = 4 << 20 };
static const uint64_t default_timeout = 30000000000ull, unused_for = 60000000000ull;

static struct origin *origin_make(jf_self *self, const struct url *url, bool open, jf_fault *why) {
    struct origin *o = self_allocate(self, sizeof(*o));
    if (o == NULL) return NULL;
    o->to.self = self;
    o->to.secure = url->secure;
    o->to.open = open;
    o->to.port = url->port;
    o->to.host = self_copy(self, url->host);
    o->to.authority = self_copy(self, url->authority);
    o->to.name = self_copy(self, url->authority);
    o->to.connect_timeout = 5000000000ull;
    o->idle_timeout = unused_for;
    o->to.max_message = RESPONSE_MAX;
    o->max_open = CLIENT_CONNECTIONS;
    bool complete = o->to.host != NULL && o->to.authority != NULL && o->to.name != NULL;
    if (complete && o->to.secure) o->to.tls = tls_context_open(self, true, NULL, o->to.name, why);
    if (!complete || (o->to.secure && o->to.tls == NULL)) {
        origin_end(o);
        self_release(self, o);
        return NULL;
    }
    remote_find_literal(&o->to);
    sweep_need(self, o->to.connect_timeout);
    o->next = whole(self)->origins;
    whole(self)->origins = o;
    return o;
}

static struct origin *origin_of(jf_self *self, const struct url *url, bool open, jf_fault *why) {
    for (struct origin *o = whole(self)->origins; o != NULL; o = o->next)
        if (o->to.secure == url->secure && o->to.port == url->port && o->to.open == open &&
            view_equal_nocase(url->host, view_make(o->to.host, strlen(o->to.host))))
            return o;
    return origin_make(self, url, open, why);
}

static bool own_header(jf_view name) {
    return view_is_nocase(name, "host") || view_is_nocase(name, "content-length") ||
           view_is_nocase(name, "transfer-encoding") || view_is_nocase(name, "connection");
}

static bool build(struct call *call, const jf_http_request *r, const struct url *url, jf_view method) {
    jf_self *self = call->origin->to.self;
    uint64_t size = 128 + method.len + r->url.len * 2 + r->body.len;
    for (uint64_t i = 0; i < r->header_count; i++)
        size += r->headers[i].name.len + r->headers[i].value.len + 4;
    if (size > 0x7fffffffu || !buffer_take(self, &call->copy, (uint32_t)size)) return false;
    struct writer w = {call->copy.ptr, call->copy.ptr + call->copy.cap, false};
    put_view(&w, method);
    put_literal(&w, " ");
    if (url->path.len == 0 || url->path.ptr[0] != '/') put_literal(&w, "/");
    put_view(&w, url->path);
    put_literal(&w, " HTTP/1.1\r\nHost: ");
    put_view(&w, url->authority);
    put_literal(&w, "\r\n");
    for (uint64_t i = 0; i < r->header_count; i++) {
        if (own_header(r->headers[i].name)) continue;
        if (!header_name_clean(r->headers[i].name) || !header_value_clean(r->headers[i].value)) return false;
        put_view(&w, r->headers[i].name);
        put_literal(&w, ": ");
        put_view(&w, r->headers[i].value);
        put_literal(&w, "\r\n");
    }
    if (r->body.len != 0 || view_equal(method, LITERAL("POST")) || view_equal(method, LITERAL("PUT"))) {
        put_literal(&w, "Content-Length: ");
        put_decimal(&w, r->body.len);
        put_literal(&w, "\r\n");
    }
    put_literal(&w, "\r\n");
    put_view(&w, r->body);
    call->copy.len = (uint32_t)(w.at - call->copy.ptr);
    return !w.full;
}

int32_t client_request(void *context, const jf_http_request *r, jf_http_done_fn done, void *user, jf_ref *out,
                       jf_fault *why) {
    jf_self *self = context;
    struct url url;
    jf_view method = r->method.len == 0 ? LITERAL("GET") : r->method;
    if (done == NULL || self->stopped || !url_parse(r->url, &url) || !header_name_clean(method))
        return jf_fault_set(why, JF_E_INVALID, 0, "not an http or https request: \"%.*s\"",
                            r->url.len > 120 ? 120 : (int)r->url.len, (const char *)r->url.ptr);
    bool open = (r->flags & JF_HTTP_PUBLIC) != 0;
    struct endpoint literal;
    if (open && endpoint_literal(url.host, url.port, &literal) && endpoint_is_special(&literal))
        return jf_fault_set(why, JF_E_DENIED, JF_FAULT_NOT_STARTED, "%.*s is no public address",
                            url.host.len > 120 ? 120 : (int)url.host.len, (const char *)url.host.ptr);
    self_tick(self);
    struct origin *o = origin_of(self, &url, open, why);
    if (o == NULL) return why != NULL && why->text_len != 0 ? why->code : JF_E_FAULT;
    if (o->queued >= QUEUE_MAX)
        return jf_fault_set(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, "too many requests wait for %s",
                            o->to.name);
    struct call *call = call_make(self, o);
    if (call == NULL)
        return jf_fault_set(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "out of memory for a request");
    call->done = done;
    call->user = user;
    call->head_only = view_equal(method, LITERAL("HEAD"));
    call->deadline = self->now + (r->timeout_ns == 0 ? default_timeout : r->timeout_ns);
    if (!build(call, r, &url, method)) {
        call_free(call);
        return jf_fault_set(why, JF_E_INVALID, JF_FAULT_NOT_STARTED,
                            "the request to %s has an unusable header", o->to.name);
    }
    sweep_need(self, r->timeout_ns == 0 ? default_timeout : r->timeout_ns);
    *out = call->slot.ref;
    origin_queue(o, call);
    whole(self)->sending++;
    origin_dispatch(o);
    whole(self)->sending--;
    return JF_OK;
}

void client_abandon(void *context, jf_ref request) {
    jf_self *self = context;
    struct call *call = slots_find(&whole(self)->calls, request);
    if (call == NULL || call->done == NULL) return;
    struct origin *o = call->origin;
    call_cancel(call);
    origin_go_on(o);
}

void client_finish(struct call *call, struct upstream *u, const uint8_t *body, uint64_t length) {
    struct incoming *in = &u->in;
    jf_pair headers[FIELDS_MAX];
    for (uint32_t i = 0; i < in->head->count; i++) {
        const struct field *field = &in->head->fields[i];
        uint8_t *name = in->buf.ptr + in->start + field->name;
        for (uint32_t k = 0; k < field->name_len; k++)
            if (name[k] >= 'A' && name[k] <= 'Z') name[k] = (uint8_t)(name[k] + 32);
        headers[i].name = view_make(name, field->name_len);
        headers[i].value = view_trim(view_make(incoming_base(in) + field->value, field->value_len));
    }
    jf_http_response response = {
        .size = sizeof(response),
        .status = in->parser.status_code,
        .body = length == 0 ? (jf_view){0} : view_make(body, length),
        .headers = headers,
        .header_count = in->head->count,
    };
    jf_http_done_fn done = call->done;
    // From here on the request is over: its handle is stale for `abandon`.
    jf_ref ref = call->slot.ref;
    void *user = call->user;
    call->done = NULL;
    done(user, ref, &response);
}

void client_sweep(jf_self *self) {
    struct http *it = whole(self);
    if (it->origins == NULL) return;
    for (uint32_t i = 0; i < it->calls.made; i++) {
        struct call *call = slots_at(&it->calls, i);
        if (call->slot.ref == 0 || call->done == NULL || call->later.queued || self->now < call->deadline)
            continue;
        if (call->upstream != NULL) {
            upstream_fail(call->upstream, JF_E_TIMEOUT, "%s did not answer in time", call->origin->to.name);
        } else {
            origin_unqueue(call->origin, call);
            call_fail(call, JF_E_TIMEOUT, JF_FAULT_NOT_STARTED, "no connection to %s in time",
                      call->origin->to.name);
        }
    }
    for (struct origin **at = &it->origins; *at != NULL;) {
        struct origin *o = *at;
        bool needed = o->open != 0 || o->queued != 0 || o->to.lookup != NULL || o->later.queued ||
                      self->now < o->used + unused_for;
        if (needed) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        origin_end(o);
        if (o->to.tls != NULL) tls_context_close(self, o->to.tls);
        self_release(self, o);
    }
}

void clients_end(jf_self *self) {
    struct http *it = whole(self);
    while (it->origins != NULL) {
        struct origin *o = it->origins;
        it->origins = o->next;
        origin_end(o);
        if (o->to.tls != NULL) tls_context_close(self, o->to.tls);
        self_release(self, o);
    }
}
