/* SPDX-License-Identifier: Apache-2.0
 * Writing messages: one text frame each, its payload written from where it lies. */
#include "framer.h"
#include "websocket.h"

#include <sys/random.h>

static void hand_over(struct sender *s) {
    if (s->count != 0) s->framer->write(s->framer->owner, s->parts, s->count, &s->keeper);
    s->count = 0;
    s->keeper.parts = 0;
}

static ssize_t put_part(const uint8_t *bytes, size_t length, int flags, void *user) {
    struct sender *s = user;
    struct iovec part = {(void *)(uintptr_t)bytes, length};
    (void)flags;
    if (s->framer->client) {
        // Masked bytes lie in a buffer of libwslay's that is used again at once.
        s->framer->write(s->framer->owner, &part, 1, NULL);
        return (ssize_t)length;
    }
    s->parts[s->count++] = part;
    return (ssize_t)length;
}

static int put_mask(uint8_t *to, size_t length, void *user) {
    sender_random(user, to, length);
    return 0;
}

bool sender_open(struct sender *s) {
    static const struct wslay_frame_callbacks callbacks = {
        .send_callback = put_part, .recv_callback = NULL, .genmask_callback = put_mask};
    if (wslay_frame_context_init(&s->frames[0], &callbacks, s) == 0 &&
        wslay_frame_context_init(&s->frames[1], &callbacks, s) == 0)
        return true;
    sender_end(s);
    return false;
}

void sender_end(struct sender *s) {
    for (uint32_t i = 0; i < 2; i++)
        if (s->frames[i] != NULL) wslay_frame_context_free(s->frames[i]);
    memset(s->frames, 0, sizeof(s->frames));
}

void sender_random(struct sender *s, uint8_t *to, size_t length) {
    while (length-- != 0) {
        while (s->random_left == 0) {
            ssize_t got = getrandom(s->random, sizeof(s->random), 0);
            if (got > 0) s->random_left = (uint32_t)got;
        }
        *to++ = s->random[--s->random_left];
    }
}

void sender_close(struct framer *f, uint16_t code) {
    struct sender *s = &whole(f->self)->sender;
    const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    struct wslay_frame_iocb frame = {.fin = 1, .opcode = WSLAY_CONNECTION_CLOSE, .payload_length = 2};
    frame.mask = f->client;
    frame.data = payload;
    frame.data_length = sizeof(payload);
    s->framer = f;
    s->count = 0;
    s->keeper = (struct keeper){0};
    wslay_frame_send(s->frames[f->client], &frame);
    hand_over(s);
}

bool framer_send(struct framer *f, const jf_message *m) {
    struct sender *s = &whole(f->self)->sender;
    uint64_t total = 0, retainable = 0;
    for (uint32_t i = 0; i < m->body_count; i++)
        total += m->body[i].len;
    if (total == 0) return true;
    s->framer = f;
    s->count = 0;
    s->keeper = (struct keeper){0};
    // An older host's message ends before these members.
    if (m->size >= offsetof(jf_message, retainable) + sizeof(m->retainable) && m->retain != NULL &&
        m->release != NULL && !f->client) {
        retainable = m->retainable;
        s->keeper = (struct keeper){.owner = m->owner, .retain = m->retain, .release = m->release};
    }
    struct wslay_frame_iocb frame = {.fin = 1, .opcode = WSLAY_TEXT_FRAME, .payload_length = total};
    frame.mask = f->client;
    // Without payload yet: this writes the head alone.
    if (wslay_frame_send(s->frames[f->client], &frame) < 0) return false;
    for (uint32_t i = 0; i < m->body_count; i++) {
        if (m->body[i].len == 0) continue;
        if (i < 64 && (retainable >> i & 1) != 0) s->keeper.parts |= 1ull << s->count;
        frame.data = m->body[i].ptr;
        frame.data_length = m->body[i].len;
        if (wslay_frame_send(s->frames[f->client], &frame) != (ssize_t)m->body[i].len) return false;
        if (s->count == sizeof(s->parts) / sizeof(s->parts[0])) hand_over(s);
    }
    hand_over(s);
    return true;
}
