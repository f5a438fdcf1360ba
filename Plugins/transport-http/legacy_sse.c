/* SPDX-License-Identifier: Apache-2.0
 * HTTP+SSE of MCP 2024-11-05, serving (specification 2024-11-05, Transports, HTTP with SSE). */
#include "legacy_sse.h"
#include "fields.h"
#include "listener.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <sys/random.h>

enum { ID_BYTES = 16, POSTS_PER_TURN = 64 };

/** One client: an open stream and the URI that it POSTs to. */
struct legacy_session {
    uint8_t id[ID_BYTES];
    jf_self *owner;
    struct conn *conn; /**< [owner's lane] */
    jf_ref client;     /**< [owner's lane] 0: the host does not know it (any more) */
    struct endpoint bound;
    uint64_t waiting; /**< bytes handed over and not delivered yet; under the guard */
    uint64_t target_len;
    uint8_t target[];
};

/** A message on its way from one loop to another. */
struct legacy_post {
    struct legacy_post *next;
    uint8_t id[ID_BYTES];
    struct fields *fields; /**< of its request, behind the bytes; NULL: nobody wants them */
    uint64_t length;
    uint8_t bytes[]; /**< and READ_PADDING more */
};

/** The sessions of all loops by their ids. An entry is freed only on its owner's lane, which therefore needs
 * the guard for finding one but not for keeping it. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static void *sessions;

static int by_id(const void *a, const void *b) {
    const struct legacy_session *one = a, *other = b;
    return memcmp(one->id, other->id, ID_BYTES);
}

static int by_client(const void *a, const void *b) {
    const struct legacy_session *one = a, *other = b;
    return (one->client > other->client) - (one->client < other->client);
}

static struct legacy_session *found(void *node) {
    return node == NULL ? NULL : *(struct legacy_session **)node;
}

static struct legacy_session *find_id(const uint8_t id[ID_BYTES]) {
    struct legacy_session key;
    memcpy(key.id, id, ID_BYTES);
    return found(tfind(&key, &sessions, by_id));
}

struct conn *legacy_conn(jf_self *self, jf_ref client) {
    struct legacy_session key = {.client = client};
    struct legacy_session *s =
        client == 0 ? NULL : found(tfind(&key, &whole(self)->legacy.clients, by_client));
    return s == NULL ? NULL : s->conn;
}

static bool begins(jf_view path, const char *text, uint64_t length) {
    return path.len > length && memcmp(path.ptr, text, length) == 0;
}

uint8_t legacy_route(jf_view path) {
    if (view_equal(path, LITERAL("/messages"))) return ROUTE_MESSAGES;
    bool stream = view_equal(path, LITERAL("/sse")) || view_equal(path, LITERAL("/sse/")) ||
                  begins(path, "/sse/servers/", 13) || begins(path, "/sse/bundles/", 13);
    return stream ? ROUTE_SSE : ROUTE_NONE;
}

// ---- opening and closing

static void end_session(struct legacy_session *s) {
    jf_self *self = s->owner;
    pthread_mutex_lock(&guard);
    tdelete(s, &sessions, by_id);
    pthread_mutex_unlock(&guard);
    if (s->client != 0) tdelete(s, &whole(self)->legacy.clients, by_client);
    self_release(self, s);
}

static struct legacy_session *new_session(struct conn *c, jf_view path) {
    jf_self *self = c->in.self;
    // "/sse" stands for "/mcp".
    jf_view rest = path.len <= 5 ? (jf_view){0} : view_make(path.ptr + 4, path.len - 4);
    struct legacy_session *s = self_allocate(self, sizeof(*s) + 4 + rest.len);
    if (s == NULL) return NULL;
    s->owner = self;
    s->conn = c;
    s->bound = c->listener->port.bound;
    memcpy(s->target, "/mcp", 4);
    if (rest.len != 0) memcpy(s->target + 4, rest.ptr, rest.len);
    s->target_len = 4 + rest.len;
    bool kept = getrandom(s->id, ID_BYTES, 0) == ID_BYTES;
    if (kept) {
        pthread_mutex_lock(&guard);
        kept = found(tsearch(s, &sessions, by_id)) == s;
        pthread_mutex_unlock(&guard);
    }
    if (kept) return s;
    self_release(self, s);
    return NULL;
}

static void announce(struct conn *c) {
    static const char digits[] = "0123456789abcdef";
    uint8_t head[2048], id[2 * ID_BYTES];
    struct writer w = {head, head + sizeof(head), false};
    for (uint32_t i = 0; i < ID_BYTES; i++) {
        id[2 * i] = (uint8_t)digits[c->session->id[i] >> 4];
        id[2 * i + 1] = (uint8_t)digits[c->session->id[i] & 15];
    }
    put_answer_head(&w, c, 200);
    put_stream_headers(&w);
    put_literal(&w, "\r\nevent: endpoint\ndata: /messages?session=");
    put_bytes(&w, id, sizeof(id));
    put_literal(&w, "\n\n");
    struct iovec part = {head, (size_t)(w.at - head)};
    c->state = CONN_STREAM;
    keepalive_begin(c);
    conn_write(c, &part, 1, NULL);
}

void legacy_open(struct conn *c, jf_view path) {
    jf_self *self = c->in.self;
    jf_ref before = c->client;
    // The connection has no other use from here on, and its end is the stream's: no framing is needed.
    c->keep = c->chunked = false;
    c->exchange = 0;
    c->client = 0;
    if (before != 0) self->inbound.closed(self->inbound.context, before);
    struct legacy_session *s = new_session(c, path);
    if (s != NULL && request_client(c, JF_CLIENT_SHARED)) {
        s->client = c->client;
        if (found(tsearch(s, &whole(self)->legacy.clients, by_client)) == s) {
            c->session = s;
            announce(c);
            return;
        }
        s->client = 0;
        self->inbound.closed(self->inbound.context, c->client);
        c->client = 0;
    }
    if (s != NULL) end_session(s);
    answer_error(c, 503, "Unavailable: too many clients, try again later", LITERAL("Retry-After: 1\r\n"));
}

void legacy_close(struct conn *c) {
    if (c->session == NULL) return;
    end_session(c->session);
    c->session = NULL;
}

// ---- messages

/** Gives a message to the host, with the fields of the request that brought it. False: the client is gone.
 * [owner's lane] */
static bool deliver(struct legacy_session *s, jf_view body, const jf_pair *fields, uint64_t field_count) {
    jf_self *self = s->owner;
    struct conn *c = s->conn;
    if (c->state != CONN_STREAM || c->closing || c->broken || s->client == 0) return false;
    jf_message message = {.size = sizeof(message),
                          .flags = JF_MSG_PADDED | JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM,
                          .body = &body,
                          .body_count = 1,
                          .target = view_make(s->target, s->target_len),
                          .fields = fields,
                          .field_count = field_count};
    if (self->inbound.deliver(self->inbound.context, s->client, &message) == JF_OK) return true;
    // The host knows this client no more.
    tdelete(s, &whole(self)->legacy.clients, by_client);
    s->client = c->client = 0;
    c->closing = true;
    conn_later(c);
    return false;
}

static void free_post(struct legacy_post *post) {
    fields_wipe(post->fields);
    free(post);
}

static void take_posts(void *user) {
    jf_self *self = user;
    struct legacy_side *side = &whole(self)->legacy;
    // A task is never lost, but after `stop` there is nobody to tell.
    if (self->stopped) return;
    self_tick(self);
    for (uint32_t turn = 0;; turn++) {
        pthread_mutex_lock(&guard);
        struct legacy_post *post = side->first;
        bool later = post != NULL && turn >= POSTS_PER_TURN &&
                     self->loop.post(self->loop.context, take_posts, self) == JF_OK;
        if (post == NULL) side->posted = false;
        if (post == NULL || later) {
            pthread_mutex_unlock(&guard);
            return;
        }
        side->first = post->next;
        if (side->first == NULL) side->last = NULL;
        struct legacy_session *s = find_id(post->id);
        if (s != NULL) s->waiting -= post->length;
        pthread_mutex_unlock(&guard);
        const struct fields *f = post->fields;
        if (s != NULL)
            deliver(s, view_make(post->bytes, post->length), f != NULL ? f->pairs : NULL,
                    f != NULL ? f->count : 0);
        free_post(post);
    }
}

/** Queues a copy for the session's own loop. False: too much waits there already. Under the guard. */
static bool hand_over(struct legacy_session *s, jf_view body, const jf_pair *fields, uint64_t field_count,
                      uint64_t most) {
    struct legacy_side *side = &whole(s->owner)->legacy;
    if (s->waiting + body.len > most) return false;
    // Not the instance's memory: it is freed by another one.
    uint64_t size = (sizeof(struct legacy_post) + body.len + READ_PADDING + 7) / 8 * 8;
    struct legacy_post *post = calloc(1, size + (fields != NULL ? fields_size(fields, field_count) : 0));
    if (post == NULL) return false;
    if (fields != NULL) post->fields = fields_copy((uint8_t *)post + size, fields, field_count);
    memcpy(post->id, s->id, ID_BYTES);
    memcpy(post->bytes, body.ptr, body.len);
    post->length = body.len;
    if (!side->posted && s->owner->loop.post(s->owner->loop.context, take_posts, s->owner) != JF_OK) {
        free_post(post);
        return false;
    }
    side->posted = true;
    if (side->last != NULL)
        side->last->next = post;
    else
        side->first = post;
    side->last = post;
    s->waiting += body.len;
    return true;
}

/** Reads "session=<hex>" among the parameters of a query. */
static bool read_id(jf_view query, uint8_t id[ID_BYTES]) {
    jf_view value = {0};
    while (query.ptr != NULL && value.ptr == NULL) {
        jf_view name = view_until(view_until(query, '&', &query), '=', &value);
        if (!view_equal(name, LITERAL("session"))) value.ptr = NULL;
    }
    if (value.ptr == NULL || value.len != 2 * ID_BYTES) return false;
    memset(id, 0, ID_BYTES);
    for (uint32_t i = 0; i < 2 * ID_BYTES; i++) {
        uint8_t digit = value.ptr[i];
        if (digit >= '0' && digit <= '9')
            digit = (uint8_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            digit = (uint8_t)(digit - 'a' + 10);
        else
            return false;
        id[i / 2] = (uint8_t)(id[i / 2] << 4 | digit);
    }
    return true;
}

/** The secret was told to a client of one listener, whose Host and Origin rules it passed. */
static bool same_listener(const struct endpoint *a, const struct endpoint *b) {
    return a->length == b->length && memcmp(&a->address, &b->address, a->length) == 0;
}

void legacy_take(struct conn *c, jf_view query) {
    struct incoming *in = &c->in;
    jf_view body = view_make(incoming_base(in) + in->body, in->body_len);
    uint8_t id[ID_BYTES];
    if (body.len == 0) {
        answer_error(c, 400, "Bad request: the body must be one JSON-RPC message", (jf_view){0});
        return;
    }
    bool known = false, here = false, taken = false;
    jf_pair room[FIELDS_MAX], *fields = NULL;
    uint64_t field_count = 0;
    if ((*in->self->inbound.wants & JF_WANTS_FIELDS) != 0) field_count = fields_list(in, fields = room);
    if (read_id(query, id)) {
        pthread_mutex_lock(&guard);
        struct legacy_session *s = find_id(id);
        known = s != NULL && same_listener(&s->bound, &c->listener->port.bound);
        // What other loops received before goes first.
        here = known && s->owner == in->self && s->waiting == 0;
        if (known && !here) taken = hand_over(s, body, fields, field_count, 2 * c->listener->max_body);
        pthread_mutex_unlock(&guard);
        if (here) known = taken = deliver(s, body, fields, field_count);
    }
    if (!known)
        answer_error(c, 404, "Not found: no such session; open a new stream with GET", (jf_view){0});
    else if (!taken)
        answer_error(c, 503, "Unavailable: too many messages of this client wait, try again later",
                     LITERAL("Retry-After: 1\r\n"));
    else
        answer_empty(c, 202, (jf_view){0});
}

void legacy_end(jf_self *self) {
    struct http *it = whole(self);
    pthread_mutex_lock(&guard);
    struct legacy_post *post = it->legacy.first;
    it->legacy.first = it->legacy.last = NULL;
    pthread_mutex_unlock(&guard);
    while (post != NULL) {
        struct legacy_post *next = post->next;
        free_post(post);
        post = next;
    }
}
