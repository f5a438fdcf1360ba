/* SPDX-License-Identifier: Apache-2.0
 * Event streams of legacy sessions that end before the answer: taken up again where they broke
 * (MCP 2025-03-26 to 2025-11-25, Streamable HTTP, "Resumability and Redelivery"). */
#include "connector.h"
#include "fields.h"

#include <stdio.h>

/** The reconnection time where the server names none, the shortest one that is obeyed (a server that says 0
 * would be asked in a circle), and the longest. */
enum { RETRY_DEFAULT_MS = 1000, RETRY_LEAST_MS = 100, RETRY_MOST_MS = 60000 };

/** 2026-07-28 has neither sessions nor event ids: there a broken stream is a failed request. */
static bool is_legacy(const jf_message *m) {
    static const char stateless[] = "2026-07-28";
    if (m->protocol.len == 0) return m->session.len != 0;
    // Versions are dates, so they sort as text.
    uint64_t length = m->protocol.len < sizeof(stateless) - 1 ? m->protocol.len : sizeof(stateless) - 1;
    int order = memcmp(m->protocol.ptr, stateless, length);
    return order < 0 || (order == 0 && m->protocol.len < sizeof(stateless) - 1);
}

static bool same_fields(const struct fields *kept, const jf_message *m) {
    uint64_t count = fields_count(m);
    if (count != (kept == NULL ? 0 : kept->count)) return false;
    for (uint64_t i = 0; i < count; i++)
        if (!view_equal(kept->pairs[i].name, m->fields[i].name) ||
            !view_equal(kept->pairs[i].value, m->fields[i].value))
            return false;
    return true;
}

static bool keep_fields(jf_self *self, struct credentials *c, const jf_message *m) {
    uint64_t count = fields_count(m);
    if (count == 0) return true;
    void *memory = self_allocate(self, fields_size(m->fields, count));
    if (memory != NULL) c->fields = fields_copy(memory, m->fields, count);
    return memory != NULL;
}

struct credentials *credentials_of(struct channel *ch, const jf_message *m) {
    jf_self *self = ch->origin.to.self;
    if (ch->resume_attempts == 0 || m->exchange == 0 || m->kind == JF_KIND_END || !is_legacy(m)) return NULL;
    struct credentials *c = ch->credentials;
    bool same = c != NULL && view_equal(view_make(c->text, c->protocol_length), m->protocol) &&
                view_equal(view_make(c->text + c->protocol_length, c->session_length), m->session) &&
                same_fields(c->fields, m);
    if (!same) {
        c = self_allocate(self, sizeof(*c) + m->protocol.len + m->session.len);
        if (c == NULL) return NULL;
        if (!keep_fields(self, c, m)) {
            self_release(self, c);
            return NULL;
        }
        c->uses = 1;
        c->protocol_length = (uint32_t)m->protocol.len;
        c->session_length = (uint32_t)m->session.len;
        struct writer w = {c->text, c->text + m->protocol.len + m->session.len, false};
        put_view(&w, m->protocol);
        put_view(&w, m->session);
        credentials_drop(self, ch->credentials);
        ch->credentials = c;
    }
    c->uses++;
    return c;
}

void credentials_drop(jf_self *self, struct credentials *c) {
    if (c == NULL || --c->uses != 0) return;
    fields_wipe(c->fields);
    self_release(self, c->fields);
    self_release(self, c);
}

void resume_note(struct call *call, const struct sse_event *e) {
    jf_self *self = call->origin->to.self;
    struct resume *r = call->resume;
    if (r != NULL && (e->has_id || e->length != 0)) r->progress = true;
    if (!e->has_id || call->credentials == NULL) return;
    if (r == NULL) {
        if (e->id.len == 0) return;
        r = self_allocate(self, sizeof(*r));
        if (r == NULL) return;
        r->progress = true;
        call->resume = r;
    }
    if (e->id.len > r->id_room) {
        uint32_t room = e->id.len <= 64 ? 64 : SSE_ID_MAX;
        self_release(self, r->id);
        r->id = self_allocate(self, room);
        r->id_room = r->id == NULL ? 0 : room;
    }
    // Without memory for the id the stream is one that cannot be resumed: an older id would repeat events.
    r->id_length = e->id.len > r->id_room ? 0 : (uint32_t)e->id.len;
    if (r->id_length != 0) memcpy(r->id, e->id.ptr, r->id_length);
}

static const uint8_t *string_end(const uint8_t *at, const uint8_t *end) {
    for (; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at : end;
}

bool resume_is_answer(const uint8_t *json, uint64_t length) {
    // Looks at the names of the outermost members only, up to the one that tells: mostly the first few bytes.
    // A batch (2025-03-26) counts by its first message.
    const uint8_t *at = json, *end = json + length;
    uint32_t depth = 0;
    bool name = false;
    for (; at < end; at++) {
        switch (*at) {
        case '{':
            name = ++depth == 1;
            break;
        case '[':
            depth += depth != 0;
            break;
        case '}':
        case ']':
            if (depth != 0 && --depth == 0) return false;
            break;
        case ',':
            name = depth == 1;
            break;
        case '"': {
            const uint8_t *from = at + 1;
            at = string_end(from, end);
            if (depth != 1 || !name) break;
            name = false;
            jf_view key = view_make(from, (uint64_t)(at - from));
            if (view_equal(key, LITERAL("method"))) return false;
            if (view_equal(key, LITERAL("result")) || view_equal(key, LITERAL("error"))) return true;
            break;
        }
        default:
            break;
        }
    }
    return false;
}

static void ask_again(void *user) {
    struct call *call = user;
    struct origin *o = call->origin;
    struct resume *r = call->resume;
    r->timer = 0;
    if (o->to.self->stopped || o->closing) return;
    self_tick(o->to.self);
    buffer_release(o->to.self, &call->copy);
    if (!channel_put_get(o->channel, &call->copy, call->credentials, view_make(r->id, r->id_length))) {
        call_fail(call, JF_E_FAULT, 0, "out of memory for a request to server \"%s\"", o->to.name);
        return;
    }
    r->progress = false;
    call->resuming = true;
    call->keep_copy = true;
    call->redirects = 0;
    origin_queue(o, call);
    origin_dispatch(o);
}

bool resume_wanted(const struct call *call) {
    return call->resume != NULL && call->resume->id_length != 0 && !call->answered;
}

bool resume_later(struct call *call) {
    struct origin *o = call->origin;
    struct resume *r = call->resume;
    if (!resume_wanted(call) || o->closing || o->to.self->stopped) return false;
    // A stream that brought something new and ends is the polling of 2025-11-25, or an accident: neither
    // counts.
    r->failures = r->progress ? 0 : r->failures + 1;
    if (r->failures >= o->channel->resume_attempts) return false;
    uint64_t wait = call->has_retry ? call->retry_ms : RETRY_DEFAULT_MS;
    if (wait < RETRY_LEAST_MS) wait = RETRY_LEAST_MS;
    for (uint32_t i = 0; i < r->failures && wait < RETRY_MOST_MS; i++)
        wait *= 2;
    if (wait > RETRY_MOST_MS) wait = RETRY_MOST_MS;
    wait *= 1000000u;
    r->late = call->deadline != 0 && self_tick(o->to.self) + wait >= call->deadline;
    if (r->late) return false;
    call->upstream = NULL;
    return o->to.self->loop.timer(o->to.self->loop.context, wait, ask_again, call, &r->timer) == JF_OK;
}

const char *resume_history(const struct call *call, char *out, size_t room) {
    const struct resume *r = call->resume;
    out[0] = 0;
    if (!resume_wanted(call)) return out;
    if (r->failures != 0)
        snprintf(out, room, "; its event stream could not be resumed in %u tries", r->failures);
    else if (r->late)
        snprintf(out, room, "; no time is left to resume its event stream");
    return out;
}

void resume_end(struct call *call) {
    jf_self *self = call->origin->to.self;
    credentials_drop(self, call->credentials);
    call->credentials = NULL;
    struct resume *r = call->resume;
    if (r == NULL) return;
    if (r->timer != 0) self->loop.cancel(self->loop.context, r->timer);
    self_release(self, r->id);
    self_release(self, r);
    call->resume = NULL;
}
