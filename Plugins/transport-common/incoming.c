/* SPDX-License-Identifier: Apache-2.0
 * Reading one HTTP/1.x message (RFC 9112) with llhttp. */
#include "incoming.h"
#include "instance.h"

static uint32_t classify(const uint8_t *name, uint32_t length) {
#define IS(text, field)                                                                                      \
    if (same_nocase(name, length, text, sizeof(text) - 1)) return field
    switch (length) {
    case 4:
        IS("host", FIELD_HOST);
        break;
    case 6:
        IS("accept", FIELD_ACCEPT);
        IS("origin", FIELD_ORIGIN);
        IS("expect", FIELD_EXPECT);
        break;
    case 8:
        IS("mcp-name", FIELD_NAME);
        IS("location", FIELD_LOCATION);
        break;
    case 10:
        IS("mcp-method", FIELD_METHOD);
        break;
    case 11:
        IS("retry-after", FIELD_RETRY_AFTER);
        break;
    case 12:
        IS("content-type", FIELD_CONTENT_TYPE);
        break;
    case 13:
        IS("last-event-id", FIELD_RESUME);
        break;
    case 14:
        IS("mcp-session-id", FIELD_SESSION);
        break;
    case 16:
        IS("content-encoding", FIELD_CONTENT_CODING);
        break;
    case 17:
        IS("transfer-encoding", FIELD_TRANSFER_CODING);
        break;
    case 20:
        IS("mcp-protocol-version", FIELD_PROTOCOL);
        break;
    case 29:
        IS("access-control-request-method", FIELD_CORS_METHOD);
        break;
    default:
        break;
    }
#undef IS
    return length > 10 && same_nocase(name, 10, "mcp-param-", 10) ? FIELD_PARAM : FIELD_OTHER;
}

static struct incoming *of(llhttp_t *parser) {
    return parser->data;
}

static int stop(struct incoming *in, uint16_t status) {
    if (in->refused == 0) in->refused = status;
    return -1;
}

static uint32_t offset_of(const struct incoming *in, const char *at) {
    return (uint32_t)((const uint8_t *)at - incoming_base(in));
}

static int on_url(llhttp_t *parser, const char *at, size_t length) {
    struct incoming *in = of(parser);
    if (in->url_len == 0) in->url = offset_of(in, at);
    in->url_len += (uint32_t)length;
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t length) {
    struct incoming *in = of(parser);
    // Trailers are read past: nobody here has a use for them.
    if (in->phase != INCOMING_HEAD) return 0;
    struct head *head = in->head;
    if (head->count == 0 || in->value_seen) {
        if (head->count == FIELDS_MAX) return stop(in, 431);
        head->fields[head->count++] = (struct field){.name = offset_of(in, at)};
        in->value_seen = 0;
    }
    head->fields[head->count - 1].name_len += (uint32_t)length;
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t length) {
    struct incoming *in = of(parser);
    if (in->phase != INCOMING_HEAD || in->head->count == 0) return 0;
    struct field *field = &in->head->fields[in->head->count - 1];
    uint32_t offset = offset_of(in, at);
    // A value in several pieces, or on a line of its own, is a folded one, which RFC 9112 section 5.2 lets a
    // server refuse.
    uint32_t before = field->value_len == 0 ? field->name + field->name_len : field->value + field->value_len;
    bool folded = field->value_len != 0 ? before != offset
                                        : memchr(incoming_base(in) + before, '\n', offset - before) != NULL;
    // That a value is empty is told behind the end of its line.
    if (folded && length != 0) return stop(in, 400);
    if (field->value_len == 0) field->value = offset;
    field->value_len += (uint32_t)length;
    in->value_seen = 1;
    return 0;
}

static int on_value_complete(llhttp_t *parser) {
    struct incoming *in = of(parser);
    if (in->phase != INCOMING_HEAD || in->head->count == 0) return 0;
    in->value_seen = 1;
    struct head *head = in->head;
    struct field *field = &head->fields[head->count - 1];
    field->id = classify(incoming_base(in) + field->name, field->name_len);
    if (field->id == FIELD_PARAM) in->params++;
    if (field->id == FIELD_OTHER || field->id == FIELD_PARAM) return 0;
    if (head->first[field->id] == 0)
        head->first[field->id] = (uint8_t)head->count;
    else
        head->repeated |= 1u << field->id;
    return 0;
}

static int on_headers_complete(llhttp_t *parser) {
    struct incoming *in = of(parser);
    struct head *head = in->head;
    const struct field *last = head->count == 0 ? NULL : &head->fields[head->count - 1];
    uint32_t size = last == NULL ? in->url + in->url_len : last->name + last->name_len + last->value_len;
    if (size > in->max_head) return stop(in, 431);
    in->phase = INCOMING_BODY;
    parser->upgrade = 0;
    if (parser->http_major != 1) return stop(in, 505);
    in->no_length = (parser->flags & F_CONTENT_LENGTH) == 0;
    int more = in->on_head(in);
    if (more != 0) return more;
    if (in->on_data == NULL && !in->no_length && parser->content_length > in->max_body) return stop(in, 413);
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t length) {
    struct incoming *in = of(parser);
    if (in->on_data != NULL) return in->on_data(in, (const uint8_t *)at, length);
    if (in->body_len + (uint64_t)length > in->max_body) return stop(in, 413);
    uint32_t offset = offset_of(in, at);
    if (in->body_len == 0)
        in->body = offset;
    else if (in->body + in->body_len != offset)
        memmove(in->buf.ptr + in->start + in->body + in->body_len, at, length);
    in->body_len += (uint32_t)length;
    return 0;
}

static int on_complete(llhttp_t *parser) {
    struct incoming *in = of(parser);
    in->keep_alive = (uint8_t)llhttp_should_keep_alive(parser);
    in->phase = INCOMING_DONE;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

bool incoming_begin(struct incoming *in, llhttp_type_t type) {
    struct head *head = in->head;
    if (head == NULL) {
        head = in->self->free_heads;
        if (head != NULL)
            self_pop_head(in->self);
        else
            head = in->self->memory.allocate(in->self->memory.context, sizeof(struct head));
        if (head == NULL) return false;
        in->head = head;
    }
    memset(head, 0, offsetof(struct head, fields));
    llhttp_init(&in->parser, type, &settings);
    in->parser.data = in;
    in->start = in->buf.pos;
    in->url = in->url_len = in->body = in->body_len = in->params = 0;
    in->refused = 0;
    in->on_data = NULL;
    in->value_seen = in->keep_alive = in->no_length = 0;
    in->phase = INCOMING_HEAD;
    return true;
}

uint32_t incoming_room(struct incoming *in) {
    struct buffer *b = &in->buf;
    if (b->ptr == NULL) {
        if (!buffer_take(in->self, b, FIRST_READ)) return 0;
        in->start = 0;
    }
    if (in->phase <= INCOMING_HEAD) {
        if (b->len < FIRST_READ && b->cap > FIRST_READ) return FIRST_READ - b->len;
        if (b->cap - b->len < 1024) {
            uint32_t from = in->start;
            if (!buffer_grow(in->self, b, b->len - from + SMALL_BUFFER, from)) return 0;
            in->start = 0;
        }
        return b->cap - b->len;
    }
    if (in->on_data != NULL) return b->cap - b->len;
    if (in->no_length) {
        // What was parsed sits joined at the front; chunk framing behind it need not be kept.
        if (b->pos == b->len) b->len = b->pos = in->start + in->body + in->body_len;
        if (b->cap - b->len < FIRST_READ) {
            uint32_t from = in->start;
            if (!buffer_grow(in->self, b, 2 * (b->len - from) + SMALL_BUFFER, from)) return 0;
            in->start = 0;
        }
        return b->cap - b->len;
    }
    // parser.content_length counts down: what is left. One byte more, so that a short read means drained.
    uint64_t wanted = (uint64_t)(b->len - in->start) + in->parser.content_length + 1;
    if (wanted > 0xffff0000u) return 0;
    if (in->start + wanted > b->cap) {
        uint32_t from = in->start;
        if (!buffer_grow(in->self, b, (uint32_t)wanted, from)) return 0;
        in->start = 0;
    }
    return b->cap - b->len;
}

int incoming_parse(struct incoming *in) {
    struct buffer *b = &in->buf;
    const char *from = (const char *)b->ptr + b->pos;
    llhttp_errno_t error = llhttp_execute(&in->parser, from, b->len - b->pos);
    if (error == HPE_OK) {
        b->pos = b->len;
        if (in->phase == INCOMING_HEAD && b->len - in->start > in->max_head) return stop(in, 431);
        if (in->on_data != NULL)
            b->pos = b->len = in->start;
        else if (in->phase == INCOMING_BODY && in->body_len == 0)
            in->body = b->pos - in->start;
        return 0;
    }
    if (error == HPE_PAUSED && in->phase == INCOMING_DONE) {
        b->pos = (uint32_t)((const uint8_t *)llhttp_get_error_pos(&in->parser) - b->ptr);
        return 1;
    }
    return stop(in, 400);
}

int incoming_finish(struct incoming *in) {
    if (in->phase != INCOMING_BODY) return -1;
    llhttp_finish(&in->parser);
    return in->phase == INCOMING_DONE ? 1 : -1;
}

void incoming_end(struct incoming *in) {
    if (in->head != NULL) self_push_head(in->self, in->head);
    in->head = NULL;
    in->phase = INCOMING_IDLE;
    in->start = in->buf.pos;
}

void incoming_settle(struct incoming *in) {
    struct buffer *b = &in->buf;
    if (b->ptr == NULL) return;
    bool open = in->phase != INCOMING_IDLE && in->on_data == NULL;
    if (in->on_data != NULL && in->head != NULL) {
        // A long stream needs its head no more: whoever wanted a field has copied it.
        self_push_head(in->self, in->head);
        in->head = NULL;
    }
    if (!open && b->pos == b->len) {
        buffer_release(in->self, b);
        in->start = 0;
    } else if (in->start != 0) {
        uint32_t from = in->start;
        buffer_grow(in->self, b, b->len - from, from);
        in->start = 0;
    }
}

void incoming_drop(struct incoming *in) {
    incoming_end(in);
    buffer_release(in->self, &in->buf);
    in->start = 0;
}

jf_view incoming_field(const struct incoming *in, enum field_id id) {
    uint32_t at = in->head->first[id];
    if (at == 0) return (jf_view){NULL, 0};
    const struct field *field = &in->head->fields[at - 1];
    return view_trim(view_make(incoming_base(in) + field->value, field->value_len));
}
