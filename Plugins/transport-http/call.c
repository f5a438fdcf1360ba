/* SPDX-License-Identifier: Apache-2.0
 * One request to a server: its life apart from the connection that carries it. */
#include "connector.h"

struct call *call_make(jf_self *self, struct origin *o) {
    struct call *call = slots_take(&whole(self)->calls, &self->memory);
    if (call == NULL) return NULL;
    call->origin = o;
    o->used = self->now;
    return call;
}

void call_free(struct call *call) {
    jf_self *self = call->origin->to.self;
    buffer_release(self, &call->copy);
    self_release(self, call->fault);
    resume_end(call);
    struct channel *ch = call->origin->channel;
    slots_give(&whole(self)->calls, call);
    if (ch != NULL && ch->farewell) channel_relieved(ch);
}

static void tell(struct call *call, const jf_fault *why) {
    struct origin *o = call->origin;
    jf_self *self = o->to.self;
    jf_ref exchange = call->exchange, ref = call->slot.ref;
    if (call->done != NULL) {
        jf_http_response response = {.size = sizeof(response), .status = why->code};
        response.body = view_make(why->text, why->text_len);
        jf_http_done_fn done = call->done;
        void *user = call->user;
        call_free(call);
        done(user, ref, &response);
        return;
    }
    struct channel *ch = o->channel;
    bool owned = link_owns(call);
    call_free(call);
    if (owned) {
        link_broke(ch, why);
    } else if (exchange != 0) {
        self->channels.failed(self->channels.context, ch->ref, exchange, why);
    } else {
        self_log(self, JF_LOG_WARNING, "%.*s", (int)why->text_len, why->text);
        link_posted(ch, call, 0);
    }
}

static void tell_later(struct later *item) {
    struct call *call = (struct call *)(void *)((uint8_t *)item - offsetof(struct call, later));
    if (call->fault == NULL) {
        call_free(call);
        return;
    }
    jf_fault why = *call->fault;
    tell(call, &why);
}

void call_failv(struct call *call, int32_t code, uint32_t flags, const char *format, va_list arguments) {
    jf_self *self = call->origin->to.self;
    call->upstream = NULL;
    jf_fault why = {.size = sizeof(why)};
    if (call->resume != NULL) {
        // However far the GET came that was to resume it: the request itself was begun.
        flags &= ~(uint32_t)JF_FAULT_NOT_STARTED;
        if ((code == JF_E_GONE || code == JF_E_TIMEOUT) && resume_later(call)) return;
    }
    jf_fault_setv(&why, code, flags, format, arguments);
    if (call->resume != NULL) {
        char history[96];
        resume_history(call, history, sizeof(history));
        struct writer w = {(uint8_t *)why.text + why.text_len, (uint8_t *)why.text + sizeof(why.text) - 1,
                           false};
        put_bytes(&w, history, strlen(history));
        why.text_len = (uint32_t)(w.at - (uint8_t *)why.text);
    }
    if (whole(self)->sending == 0) {
        tell(call, &why);
        return;
    }
    // Nothing may be called back inside `send`: the host hears of it from the loop.
    call->fault = self_allocate(self, sizeof(why));
    if (call->fault != NULL) *call->fault = why;
    self_later(self, &call->later, tell_later);
}

void call_fail(struct call *call, int32_t code, uint32_t flags, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    call_failv(call, code, flags, format, arguments);
    va_end(arguments);
}

void call_cancel(struct call *call) {
    struct upstream *u = call->upstream;
    if (call->later.queued) {
        self_release(call->origin->to.self, call->fault);
        call->fault = NULL;
        call->exchange = 0;
        return;
    }
    if (u != NULL) {
        u->call = NULL;
        call_free(call);
        upstream_close(u);
        return;
    }
    origin_unqueue(call->origin, call);
    call_free(call);
}

/** Rewrites the request line of the kept copy. */
static bool retarget(struct call *call, jf_view path) {
    jf_self *self = call->origin->to.self;
    const uint8_t *first = memchr(call->copy.ptr, ' ', call->copy.len);
    const uint8_t *line = memchr(call->copy.ptr, '\n', call->copy.len);
    if (first == NULL || line == NULL) return false;
    uint32_t method = (uint32_t)(first + 1 - call->copy.ptr), rest = (uint32_t)(line + 1 - call->copy.ptr);
    struct buffer fresh = {0};
    if (!buffer_take(self, &fresh, call->copy.len + (uint32_t)path.len + 16)) return false;
    struct writer w = {fresh.ptr, fresh.ptr + fresh.cap, false};
    put_bytes(&w, call->copy.ptr, method);
    put_view(&w, path);
    put_literal(&w, " HTTP/1.1\r\n");
    put_bytes(&w, call->copy.ptr + rest, call->copy.len - rest);
    fresh.len = (uint32_t)(w.at - fresh.ptr);
    buffer_release(self, &call->copy);
    call->copy = fresh;
    return !w.full;
}

/** RFC 3986 section 3.1: letter *( letter / digit / "+" / "-" / "." ) and a colon before any path. */
static bool has_scheme(jf_view v) {
    for (uint64_t i = 0; i < v.len; i++) {
        uint8_t c = v.ptr[i], low = c | 0x20;
        if (c == ':') return i != 0;
        if (!(low >= 'a' && low <= 'z') && (i == 0 || strchr("0123456789+-.", c) == NULL || c == 0))
            return false;
    }
    return false;
}

bool same_origin_path(const struct origin *o, jf_view reference, const char *base, char *out, uint64_t room) {
    struct url url;
    jf_view rest;
    struct writer w = {(uint8_t *)out, (uint8_t *)out + room - 1, false};
    if (url_parse(reference, &url)) {
        jf_view host = view_make(o->to.host, strlen(o->to.host));
        if (url.secure != o->to.secure || url.port != o->to.port || !view_equal_nocase(url.host, host))
            return false;
        if (url.path.len == 0 || url.path.ptr[0] != '/') put_literal(&w, "/");
        put_view(&w, url.path);
    } else {
        reference = view_until(reference, '#', &rest);
        bool elsewhere = has_scheme(reference) || (reference.len > 1 && memcmp(reference.ptr, "//", 2) == 0);
        if (reference.len == 0 || elsewhere) return false;
        uint64_t path = strcspn(base, "?");
        if (reference.ptr[0] != '/' && reference.ptr[0] != '?')
            while (path != 0 && base[path - 1] != '/')
                path--;
        if (reference.ptr[0] != '/') put_bytes(&w, base, path);
        put_view(&w, reference);
    }
    for (const uint8_t *p = (const uint8_t *)out; p < w.at; p++)
        if (*p <= ' ' || *p >= 0x7f) return false;
    *w.at = 0;
    return !w.full && out[0] == '/';
}

static bool differs_by_slash(const char *a, const char *b) {
    size_t la = strlen(a), lb = strlen(b);
    size_t shorter = la < lb ? la : lb, longer = la < lb ? lb : la;
    return longer == shorter + 1 && memcmp(a, b, shorter) == 0 && (la < lb ? b : a)[shorter] == '/';
}

void call_redirect(struct call *call, jf_view location, bool permanent) {
    struct origin *o = call->origin;
    struct channel *ch = o->channel;
    char path[2048];
    // Where the messages of HTTP+SSE go is the server's to say each time: nothing is learnt about it.
    const char *post = call->kind == JF_KIND_MESSAGE ? link_post_path(ch) : NULL;
    const char *base = post != NULL ? post : ch->path;
    if (!same_origin_path(o, location, base, path, sizeof(path))) {
        call_fail(
            call, JF_E_DENIED, JF_FAULT_NOT_STARTED,
            "server \"%s\" redirects to %.*s, which is another origin; put the final address in its url",
            o->to.name, location.len > 100 ? 100 : (int)location.len, (const char *)location.ptr);
        return;
    }
    if (call->redirects++ == REDIRECTS_MAX) {
        call_fail(call, JF_E_GONE, JF_FAULT_NOT_STARTED,
                  "server \"%s\" redirects more than %d times; check its url", o->to.name, REDIRECTS_MAX);
        return;
    }
    // 307 is temporary, except that a missing or extra slash is not going to change.
    if (post == NULL && (permanent || differs_by_slash(path, ch->path))) {
        char *copy = self_copy(o->to.self, view_make(path, strlen(path)));
        if (copy != NULL) {
            self_release(o->to.self, ch->path);
            ch->path = copy;
            channel_build_heads(ch);
        }
    }
    if (call->copy.ptr == NULL || !retarget(call, view_make(path, strlen(path)))) {
        ch->confirmed = false;
        call_fail(call, JF_E_GONE, JF_FAULT_NOT_STARTED, "server \"%s\" has begun to redirect; try again",
                  o->to.name);
        return;
    }
    call->upstream = NULL;
    call->copy.pos = 0;
    origin_queue(o, call);
    origin_dispatch(o);
}
