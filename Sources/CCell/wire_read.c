/* SPDX-License-Identifier: Apache-2.0
 * Reading frames: bounds, kinds and seals are checked here, so that nobody else has to. */
#define _GNU_SOURCE
#include "wire.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The word before a view: absent, in the frame's next memfd, or inline. The rest is the length. */
#define ABSENT (1ull << 63)
#define IN_BODY (1ull << 62)

#define NEEDED_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Views that are present and empty point here. */
static const uint8_t empty[CELL_PADDING];

cell_packet *cell_packet_new(void) {
    cell_packet *packet = calloc(1, sizeof *packet);
    if (packet == NULL) return NULL;
    packet->bytes = malloc(CELL_PACKET_MOST + CELL_PADDING);
    if (packet->bytes == NULL) {
        free(packet);
        return NULL;
    }
    packet->refs = 1;
    return packet;
}

void cell_packet_reset(cell_packet *packet) {
    for (uint32_t i = 0; i < packet->body_count; i++) {
        if (packet->bodies[i].base != NULL) munmap(packet->bodies[i].base, packet->bodies[i].mapped);
        packet->bodies[i].base = NULL;
    }
    if (packet->is_secret) explicit_bzero(packet->bytes, packet->used);
    packet->is_secret = false;
    packet->used = packet->at = packet->body_count = packet->body_at = 0;
}

void cell_packet_free(cell_packet *packet) {
    if (packet == NULL || --packet->refs > 0) return;
    cell_packet_reset(packet);
    free(packet->bytes);
    free(packet);
}

const char *cell_body_map(int fd, cell_body *body) {
    struct stat status;
    const char *bad = NULL;
    int seals = fcntl(fd, F_GET_SEALS);
    void *base = MAP_FAILED;
    /* Without the seals the other side could shrink the file under our reads (SIGBUS) or change it. */
    if (seals < 0 || (seals & NEEDED_SEALS) != NEEDED_SEALS)
        bad = "a body is not sealed";
    else if (fstat(fd, &status) != 0 || status.st_size < (off_t)CELL_PADDING ||
             (uint64_t)status.st_size > CELL_BODY_MOST + CELL_PADDING)
        bad = "a body has no possible size";
    else if ((base = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        bad = "a body cannot be mapped";
    if (bad == NULL) *body = (cell_body){base, (uint64_t)status.st_size};
    close(fd);
    return bad;
}

bool cell_next_frame(cell_packet *packet, cell_frame *frame, const char **bad) {
    cell_head head;
    *bad = NULL;
    if (packet->at == packet->used) {
        if (packet->body_at != packet->body_count) *bad = "bodies that belong to no frame";
        return false;
    }
    if (packet->used - packet->at < sizeof head) {
        *bad = "a frame without its head";
        return false;
    }
    memcpy(&head, packet->bytes + packet->at, sizeof head);
    if (head.length < sizeof head || head.length % 8 != 0 || head.length > packet->used - packet->at)
        *bad = "a frame of impossible length";
    else if (head.bodies > packet->body_count - packet->body_at)
        *bad = "a frame with bodies that did not come";
    else if (head.reserved != 0)
        *bad = "a frame with reserved bits set";
    if (*bad != NULL) return false;
    *frame = (cell_frame){.head = head,
                          .at = packet->bytes + packet->at + sizeof head,
                          .end = packet->bytes + packet->at + head.length,
                          .packet = packet,
                          .body_at = packet->body_at,
                          .body_end = packet->body_at + head.bodies};
    packet->at += head.length;
    packet->body_at += head.bodies;
    return true;
}

void cell_frame_consume(cell_frame *frame) {
    uint8_t *head = frame->packet->bytes + (frame->end - frame->packet->bytes) - frame->head.length;
    uint16_t none = CELL_NONE;
    memcpy(head + offsetof(cell_head, type), &none, sizeof none);
}

void cell_reject(cell_frame *frame, const char *why) {
    if (frame->bad == NULL) frame->bad = why;
    frame->at = frame->end;
}

cell_frame cell_unpack(cell_frame *frame, jf_view packed) {
    cell_frame inside = {.at = packed.ptr, .end = packed.ptr, .packet = frame->packet, .bad = frame->bad};
    if (packed.ptr != NULL && packed.len % 8 == 0)
        inside.end += packed.len;
    else
        cell_reject(&inside, "a view that is not packed");
    return inside;
}

uint64_t cell_get_number(cell_frame *frame) {
    uint64_t number;
    if (frame->bad != NULL || (size_t)(frame->end - frame->at) < sizeof number) {
        cell_reject(frame, "a frame that is too short");
        return 0;
    }
    memcpy(&number, frame->at, sizeof number);
    frame->at += sizeof number;
    return number;
}

/* The next view; *body receives the memfd's index, or UINT32_MAX where the bytes are inline. */
static jf_view next_view(cell_frame *frame, uint32_t *body) {
    const jf_view absent = {NULL, 0};
    uint64_t word = cell_get_number(frame);
    *body = UINT32_MAX;
    if (frame->bad != NULL || word == ABSENT) return absent;
    uint64_t length = word & ~IN_BODY;
    if (word & IN_BODY) {
        if (frame->body_at == frame->body_end) {
            cell_reject(frame, "a view without its body");
            return absent;
        }
        *body = frame->body_at++;
        const cell_body *from = &frame->packet->bodies[*body];
        if (from->base == NULL || length > from->mapped - CELL_PADDING) {
            cell_reject(frame, "a view longer than its body");
            return absent;
        }
        return (jf_view){from->base, length};
    }
    if (length > (size_t)(frame->end - frame->at)) {
        cell_reject(frame, "a view longer than its frame");
        return absent;
    }
    jf_view view = {length > 0 ? frame->at : empty, length};
    uint64_t padded = (length + 7) & ~7ull; /* frames are multiples of 8, so this stays inside */
    frame->at += padded;
    return view;
}

jf_view cell_get_view(cell_frame *frame) {
    uint32_t body;
    return next_view(frame, &body);
}

typedef struct body_owner {
    uint8_t *base;
    uint64_t mapped;
} body_owner;

static void drop_body(void *owner) {
    body_owner *it = owner;
    munmap(it->base, it->mapped);
    free(it);
}

bool cell_take_blob(cell_frame *frame, jf_blob *blob) {
    uint32_t body;
    jf_view view = next_view(frame, &body);
    *blob = (jf_blob){NULL, 0, NULL, NULL};
    if (view.ptr == NULL) return frame->bad == NULL;
    if (body != UINT32_MAX) {
        cell_body *from = &frame->packet->bodies[body];
        body_owner *owner = malloc(sizeof *owner);
        if (owner == NULL) return false;
        *owner = (body_owner){from->base, from->mapped};
        from->base = NULL;
        *blob = (jf_blob){view.ptr, view.len, owner, drop_body};
        return true;
    }
    uint8_t *copy = malloc(view.len + CELL_PADDING);
    if (copy == NULL) return false;
    memcpy(copy, view.ptr, view.len);
    memset(copy + view.len, 0, CELL_PADDING);
    *blob = (jf_blob){copy, view.len, copy, free};
    return true;
}

uint32_t cell_get_pairs(cell_frame *frame, jf_pair *pairs, uint32_t most) {
    uint64_t count = cell_get_number(frame);
    if (count > most) {
        cell_reject(frame, "too many pairs");
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        pairs[i].name = cell_get_view(frame);
        pairs[i].value = cell_get_view(frame);
    }
    return frame->bad == NULL ? (uint32_t)count : 0;
}

void cell_get_fault(cell_frame *frame, jf_fault *fault) {
    uint64_t word = cell_get_number(frame), retry = cell_get_number(frame);
    jf_view text = cell_get_view(frame);
    memset(fault, 0, sizeof *fault);
    fault->size = sizeof *fault;
    fault->code = (int32_t)(uint32_t)word;
    if (fault->code > 0 || fault->code < JF_E_FAULT) fault->code = JF_E_FAULT;
    fault->flags = (uint32_t)(word >> 32) & (JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED);
    fault->retry_ms = retry > UINT32_MAX ? UINT32_MAX : (uint32_t)retry;
    fault->text_len = (uint32_t)(text.len < sizeof fault->text ? text.len : sizeof fault->text);
    if (fault->text_len > 0) memcpy(fault->text, text.ptr, fault->text_len);
}

void cell_get_usage(cell_frame *frame, jf_usage *usage) {
    uint64_t words[8];
    for (int i = 0; i < 8; i++)
        words[i] = cell_get_number(frame);
    *usage = (jf_usage){.size = sizeof *usage,
                        .measured_ns = words[0],
                        .memory = words[1],
                        .cpu_ns = words[2],
                        .since_ns = words[3],
                        .processes = (uint32_t)words[4],
                        .threads = (uint32_t)(words[4] >> 32),
                        .descriptors = (uint32_t)words[5],
                        .spares = (uint32_t)(words[5] >> 32),
                        .started = (uint32_t)words[6],
                        .failures = (uint32_t)(words[6] >> 32),
                        .replaced = (uint32_t)words[7],
                        .waiting = (uint32_t)(words[7] >> 32)};
}

void cell_get_message(cell_frame *frame, jf_message *message, jf_view *body, jf_pair *pairs) {
    uint64_t word = cell_get_number(frame), more = cell_get_number(frame);
    memset(message, 0, sizeof *message);
    message->size = sizeof *message;
    message->flags = (uint32_t)word;
    message->kind = (uint32_t)(word >> 32);
    message->status = (int32_t)(uint32_t)more;
    message->retry_ms = (uint32_t)(more >> 32);
    message->exchange = cell_get_number(frame);
    message->deadline_ns = cell_get_number(frame);
    *body = cell_get_view(frame);
    if (body->ptr != NULL) {
        message->body = body;
        message->body_count = 1;
        message->flags |= JF_MSG_PADDED; /* every received view is */
    } else {
        message->flags &= ~JF_MSG_PADDED;
    }
    message->target = cell_get_view(frame);
    message->protocol = cell_get_view(frame);
    message->method = cell_get_view(frame);
    message->name = cell_get_view(frame);
    message->session = cell_get_view(frame);
    message->resume = cell_get_view(frame);
    message->header_count = cell_get_pairs(frame, pairs, CELL_PAIRS_MOST);
    if (message->header_count > 0) message->headers = pairs;
    message->field_count = cell_get_pairs(frame, pairs + CELL_PAIRS_MOST, CELL_PAIRS_MOST);
    if (message->field_count > 0) {
        message->fields = pairs + CELL_PAIRS_MOST;
        frame->packet->is_secret = true;
    }
    if (message->kind > JF_KIND_END) cell_reject(frame, "a message of unknown kind");
    if (message->status < JF_STATUS_OK || message->status > JF_STATUS_TIMEOUT)
        cell_reject(frame, "a message of unknown status");
}

bool cell_frame_done(cell_frame *frame) {
    if (frame->bad == NULL && frame->at != frame->end) frame->bad = "a frame with bytes left over";
    if (frame->bad == NULL && frame->body_at != frame->body_end) frame->bad = "a frame with bodies left over";
    return frame->bad == NULL;
}
