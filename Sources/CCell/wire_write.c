/* SPDX-License-Identifier: Apache-2.0
 * Writing frames into packets; large views go into sealed memfds. */
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define ABSENT (1ull << 63)
#define IN_BODY (1ull << 62)

jf_view cell_text(const char *text) {
    return (jf_view){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

int32_t cell_fault(jf_fault *fault, int32_t code, uint32_t flags, uint32_t retry_ms, const char *format,
                   ...) {
    /* Nobody passes one smaller than its fixed part; a larger one keeps its tail. */
    if (fault == NULL || fault->size < offsetof(jf_fault, text)) return code;
    size_t room = fault->size < sizeof *fault ? fault->size - offsetof(jf_fault, text) : sizeof fault->text;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    if (used > room) used = room;
    /* Never half a character. */
    while (used > 0 && (size_t)length > used && ((uint8_t)text[used] & 0xc0) == 0x80)
        used--;
    fault->flags = flags;
    fault->code = code;
    fault->retry_ms = retry_ms;
    fault->text_len = (uint32_t)used;
    memcpy(fault->text, text, used);
    return code;
}

void cell_attach(void *to, uint32_t own, const void *from) {
    uint32_t declared = 0;
    memset(to, 0, own);
    if (from != NULL) memcpy(&declared, from, sizeof declared);
    if (declared >= sizeof declared) memcpy(to, from, declared < own ? declared : own);
    memcpy(to, &own, sizeof own);
}

/* Room for `more` bytes; NULL and `failed` without memory or above the frame's bound. */
static uint8_t *room(cell_writer *out, uint64_t more) {
    const uint64_t most = out->is_bare ? CELL_PACK_MOST : CELL_FRAME_MOST;
    if (out->failed || more > most || out->used - out->frame + more > most) {
        out->failed = true;
        return NULL;
    }
    if (out->capacity - out->used < more) {
        uint32_t capacity = out->capacity == 0 ? 4096 : out->capacity * 2;
        while (capacity - out->used < more)
            capacity *= 2;
        uint8_t *bytes = out->is_secret ? malloc(capacity) : realloc(out->bytes, capacity);
        if (bytes == NULL) {
            out->failed = true;
            return NULL;
        }
        if (out->is_secret && out->bytes != NULL) {
            memcpy(bytes, out->bytes, out->used);
            explicit_bzero(out->bytes, out->used);
            free(out->bytes);
        }
        out->bytes = bytes;
        out->capacity = capacity;
    }
    uint8_t *at = out->bytes + out->used;
    out->used += (uint32_t)more;
    return at;
}

void cell_begin(cell_writer *out, uint16_t type, uint64_t ref, uint64_t number, int32_t status,
                uint32_t serial) {
    out->frame = out->used;
    out->frame_fds = 0;
    out->frame_body_bytes = 0;
    out->failed = false;
    cell_head head = {.type = type, .ref = ref, .number = number, .status = status, .serial = serial};
    uint8_t *at = room(out, sizeof head);
    if (at != NULL) memcpy(at, &head, sizeof head);
}

void cell_put_flags(cell_writer *out, uint8_t flags) {
    if (!out->failed) out->bytes[out->frame + offsetof(cell_head, flags)] = flags;
}

void cell_put_number(cell_writer *out, uint64_t number) {
    uint8_t *at = room(out, sizeof number);
    if (at != NULL) memcpy(at, &number, sizeof number);
}

/* A sealed memfd with the segments' bytes and the padding behind; -1 on failure. */
static int make_body(const jf_view *segments, uint32_t count, uint64_t total) {
    int fd = memfd_create("jackfield-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    bool good = ftruncate(fd, (off_t)(total + CELL_PADDING)) == 0;
    for (uint32_t i = 0; good && i < count; i++) {
        uint64_t written = 0;
        while (good && written < segments[i].len) {
            ssize_t more = write(fd, segments[i].ptr + written, segments[i].len - written);
            if (more > 0)
                written += (uint64_t)more;
            else
                good = more < 0 && errno == EINTR;
        }
    }
    good = good && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0;
    if (good) return fd;
    close(fd);
    return -1;
}

void cell_put_segments(cell_writer *out, const jf_view *segments, uint32_t count) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += segments[i].len; /* each is memory that exists, so their sum does not wrap */
    if (out->failed) return;
    /* Half of the frame is kept for what follows: numbers and small views. */
    uint64_t spent = out->used - out->frame;
    bool is_inline = out->is_bare || total <= CELL_SMALL ||
                     (total <= CELL_INLINE_MOST && spent + total <= CELL_FRAME_MOST / 2);
    cell_put_number(out, is_inline ? total : total | IN_BODY);
    if (is_inline) {
        uint64_t padded = (total + 7) & ~7ull;
        uint8_t *at = room(out, padded);
        if (at == NULL) return;
        for (uint32_t i = 0; i < count; i++) {
            if (segments[i].len > 0) memcpy(at, segments[i].ptr, segments[i].len);
            at += segments[i].len;
        }
        memset(at, 0, padded - total);
        return;
    }
    int fd =
        total <= CELL_BODY_MOST && out->fd_count < CELL_PACKET_BODIES && out->frame_fds < CELL_FRAME_BODIES
            ? make_body(segments, count, total)
            : -1;
    if (fd < 0) {
        out->failed = true;
        return;
    }
    out->fds[out->fd_count++] = fd;
    out->frame_fds++;
    out->body_bytes += total;
    out->frame_body_bytes += total;
}

void cell_put_view(cell_writer *out, jf_view view) {
    if (view.ptr == NULL)
        cell_put_number(out, ABSENT);
    else
        cell_put_segments(out, &view, 1);
}

void cell_put_pairs(cell_writer *out, const jf_pair *pairs, uint64_t count) {
    if (pairs == NULL) count = 0;
    if (count > CELL_PAIRS_MOST) count = CELL_PAIRS_MOST;
    cell_put_number(out, count);
    for (uint64_t i = 0; i < count; i++) {
        cell_put_view(out, pairs[i].name);
        cell_put_view(out, pairs[i].value);
    }
}

void cell_put_fault(cell_writer *out, const jf_fault *fault) {
    jf_fault local;
    cell_attach(&local, sizeof local, fault);
    uint32_t length = local.text_len < sizeof local.text ? local.text_len : (uint32_t)sizeof local.text;
    cell_put_number(out, (uint64_t)local.flags << 32 | (uint32_t)local.code);
    cell_put_number(out, local.retry_ms);
    cell_put_view(out, (jf_view){(const uint8_t *)local.text, length});
}

void cell_put_usage(cell_writer *out, const jf_usage *usage) {
    jf_usage local;
    cell_attach(&local, sizeof local, usage);
    cell_put_number(out, local.measured_ns);
    cell_put_number(out, local.memory);
    cell_put_number(out, local.cpu_ns);
    cell_put_number(out, local.since_ns);
    cell_put_number(out, (uint64_t)local.threads << 32 | local.processes);
    cell_put_number(out, (uint64_t)local.spares << 32 | local.descriptors);
    cell_put_number(out, (uint64_t)local.failures << 32 | local.started);
    cell_put_number(out, (uint64_t)local.waiting << 32 | local.replaced);
}

void cell_put_message(cell_writer *out, const jf_message *message) {
    jf_message local;
    cell_attach(&local, sizeof local, message);
    cell_put_number(out, (uint64_t)local.kind << 32 | local.flags);
    cell_put_number(out, (uint64_t)local.retry_ms << 32 | (uint32_t)local.status);
    cell_put_number(out, local.exchange);
    cell_put_number(out, local.deadline_ns);
    if (local.body_count > 0 && local.body != NULL)
        cell_put_segments(out, local.body, local.body_count);
    else
        cell_put_number(out, ABSENT);
    cell_put_view(out, local.target);
    cell_put_view(out, local.protocol);
    cell_put_view(out, local.method);
    cell_put_view(out, local.name);
    cell_put_view(out, local.session);
    cell_put_view(out, local.resume);
    cell_put_pairs(out, local.headers, local.header_count);
    if (local.field_count > 0 && local.fields != NULL) {
        out->is_secret = true;                                       /* Authorization and the like */
        if (local.field_count > CELL_PAIRS_MOST) out->failed = true; /* who asks is not told by halves */
    }
    cell_put_pairs(out, local.fields, local.field_count);
}

bool cell_end(cell_writer *out) {
    if (out->failed) {
        while (out->frame_fds > 0) {
            close(out->fds[--out->fd_count]);
            out->frame_fds--;
        }
        out->used = out->frame;
        out->body_bytes -= out->frame_body_bytes;
        return false;
    }
    uint32_t length = out->used - out->frame;
    memcpy(out->bytes + out->frame + offsetof(cell_head, length), &length, sizeof length);
    out->bytes[out->frame + offsetof(cell_head, bodies)] = (uint8_t)out->frame_fds;
    return true;
}

uint64_t cell_frame_weight(const cell_writer *out) {
    return out->used - out->frame + out->frame_body_bytes;
}

bool cell_writer_full(const cell_writer *out) {
    return out->used >= CELL_PACKET_FULL || out->fd_count > CELL_PACKET_BODIES - CELL_FRAME_BODIES;
}

void cell_writer_clear(cell_writer *out) {
    for (uint32_t i = 0; i < out->fd_count; i++)
        close(out->fds[i]);
    if (out->is_secret && out->bytes != NULL) explicit_bzero(out->bytes, out->used);
    free(out->bytes);
    *out = (cell_writer){0};
}

bool cell_lists(const char *list, const char *id) {
    size_t length = strlen(id);
    for (const char *at = list; at != NULL && (at = strstr(at, id)) != NULL; at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == 0 || at[length] == ' ')) return true;
    return false;
}
