/* SPDX-License-Identifier: Apache-2.0
 * Cell: jf.config/1. It reads here what the gateway would read there, so that configurations need no round
 * trips; only secrets are asked for. */
#define _GNU_SOURCE
#include "cell.h"

#include <jackfield/json.h>

typedef struct blob {
    uint64_t size;
    uint8_t bytes[];
} blob;

static void drop_blob(void *owner) {
    free(owner);
}

static void drop_secret(void *owner) {
    blob *it = owner;
    explicit_bzero(it->bytes, it->size);
    free(it);
}

static blob *new_blob(uint64_t capacity) {
    return malloc(sizeof(blob) + capacity + 1);
}

static int32_t give_blob(blob *it, uint64_t size, jf_blob *out) {
    it->size = size;
    *out = (jf_blob){it->bytes, size, it, drop_blob};
    return JF_OK;
}

static int32_t text(void *context, jf_view value, jf_blob *out) {
    jf_json_value string;
    (void)context;
    if (!jf_json_read(value, &string) || string.kind != JF_JSON_STRING) return JF_E_INVALID;
    blob *it = new_blob(string.len);
    if (it == NULL) return JF_E_BUSY;
    uint64_t length = jf_json_decode(&string, it->bytes);
    if (length != UINT64_MAX) return give_blob(it, length, out);
    free(it);
    return JF_E_INVALID;
}

static int32_t quote(void *context, jf_view value, jf_blob *out) {
    (void)context;
    blob *it = new_blob(value.len * 6 + 2);
    return it != NULL ? give_blob(it, jf_json_quote(value, it->bytes), out) : JF_E_BUSY;
}

static int32_t secret(void *context, jf_view name, jf_blob *out) {
    cell_waiting waiting;
    jf_fault why;
    (void)context;
    if ((cell_here.settings.services & CELL_SERVICE_SECRETS) == 0) return JF_ABSENT;
    cell_writer *frame = cell_ask_out(&waiting, CELL_SECRET, 0);
    if (frame == NULL) return JF_E_BUSY;
    cell_put_view(frame, name);
    int32_t status = cell_ask(&waiting, frame);
    if (status != JF_OK) return status;
    status = waiting.frame.head.status;
    cell_get_fault(&waiting.frame, &why);
    jf_view bytes = cell_get_view(&waiting.frame);
    if (status == JF_OK) {
        blob *it = new_blob(bytes.len);
        if (it != NULL && bytes.len > 0) memcpy(it->bytes, bytes.ptr, bytes.len);
        status = it != NULL ? give_blob(it, bytes.len, out) : JF_E_BUSY;
        if (it != NULL) out->drop = drop_secret;
        /* The packet's own bytes; larger ones are mapped read-only. */
        if (bytes.len <= CELL_INLINE_MOST) explicit_bzero((void *)(uintptr_t)bytes.ptr, bytes.len);
    }
    cell_packet_free(waiting.packet);
    return status;
}

const jf_config_1 cell_config_table = {.size = sizeof(jf_config_1),
                                       .find = jf_json_config_find,
                                       .next = jf_json_config_next,
                                       .text = text,
                                       .integer = jf_json_config_integer,
                                       .real = jf_json_config_real,
                                       .quote = quote,
                                       .secret = secret};
