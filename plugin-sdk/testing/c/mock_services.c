/* SPDX-License-Identifier: Apache-2.0
 * Mock host: jf.log/1, jf.clock/1 and jf.memory/1. */
#include "mock_internal.h"
#include <time.h>

/* ---- jf.log/1 ---- */

static size_t put(char *to, size_t at, jf_view view) {
    if (view.len > 0) memcpy(to + at, view.ptr, view.len);
    return at + view.len;
}

static void write_record(void *context, uint32_t level, jf_view text, const jf_pair *fields, uint64_t count) {
    static const char *const names[] = {"trace", "debug", "info", "warning", "error"};
    jf_mock *mock = context;
    if (level > JF_LOG_ERROR) {
        mock_problem(mock, "jf.log/1 write: level %u does not exist", level);
        level = JF_LOG_ERROR;
    }
    size_t size = text.len + 1, at = 0;
    for (uint64_t i = 0; i < count; i++)
        size += fields[i].name.len + fields[i].value.len + 2;
    mock_record *record = mock_allocate(sizeof *record);
    record->level = level;
    record->text = mock_allocate(size);
    at = put(record->text, at, text);
    for (uint64_t i = 0; i < count; i++) {
        record->text[at++] = ' ';
        at = put(record->text, at, fields[i].name);
        record->text[at++] = '=';
        at = put(record->text, at, fields[i].value);
    }
    mock_lock(mock);
    mock_push(&mock->records, record);
    mock_unlock(mock);
    if (mock->verbose) fprintf(stderr, "jf_mock: %s: %s\n", names[level], record->text);
}

static uint32_t enabled(void *context, uint32_t level) {
    (void)context;
    return level <= JF_LOG_ERROR ? 1 : 0;
}

bool jf_mock_logged(jf_mock *mock, uint32_t level, const char *part) {
    bool found = false;
    mock_lock(mock);
    for (uint32_t i = 0; i < mock->records.count && !found; i++) {
        const mock_record *record = mock->records.items[i];
        found = record->level >= level && strstr(record->text, part) != NULL;
    }
    mock_unlock(mock);
    return found;
}

uint32_t jf_mock_log_count(jf_mock *mock) {
    mock_lock(mock);
    uint32_t count = mock->records.count;
    mock_unlock(mock);
    return count;
}

const char *jf_mock_log_at(jf_mock *mock, uint32_t index, uint32_t *level) {
    const char *text = NULL;
    mock_lock(mock);
    if (index < mock->records.count) {
        const mock_record *record = mock->records.items[index];
        text = record->text;
        if (level != NULL) *level = record->level;
    }
    mock_unlock(mock);
    return text;
}

/* ---- jf.clock/1 ---- */

static uint64_t monotonic(void *context) {
    return jf_mock_now(context);
}

static uint64_t wall(void *context) {
    jf_mock *mock = context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + atomic_load(&mock->clock_offset);
}

uint64_t jf_mock_unix_ms(jf_mock *mock) {
    return wall(mock) / 1000000u;
}

/* ---- jf.memory/1 ---- */

#define READABLE_BEHIND 64

/** Stands before each allocation; 16 bytes keep what follows aligned. */
typedef struct allocation {
    uint64_t size;
    uint64_t magic;
} allocation;
#define MAGIC 0x6a66206d656d6f72u

static bool refused(jf_mock *mock, uint64_t size) {
    uint64_t number = atomic_fetch_add(&mock->allocations, 1);
    uint64_t held = atomic_load(&mock->bytes);
    return number >= mock->fail_from || size > mock->memory_limit || held > mock->memory_limit - size;
}

static void *allocate(void *context, uint64_t size) {
    jf_mock *mock = context;
    if (size > UINT64_MAX / 2 || refused(mock, size)) return NULL;
    allocation *it = mock_allocate(sizeof *it + size);
    *it = (allocation){size, MAGIC};
    atomic_fetch_add(&mock->bytes, size);
    return it + 1;
}

static void release(void *context, void *memory) {
    jf_mock *mock = context;
    if (memory == NULL) return;
    allocation *it = (allocation *)memory - 1;
    if (it->magic != MAGIC) {
        mock_problem(mock, "jf.memory/1 release: %p did not come from allocate", memory);
        return;
    }
    it->magic = 0;
    atomic_fetch_sub(&mock->bytes, it->size);
    free(it);
}

/* Each buffer is allocated afresh instead of pooled, so that AddressSanitizer sees a use after give_back. */
static uint8_t *borrow(void *context, uint64_t size, uint64_t *capacity) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.memory/1 borrow");
    uint64_t given = size <= 65536 ? 65536 : size <= 1048576 ? 1048576 : size;
    if (size > UINT64_MAX / 2 || refused(mock, given)) return NULL;
    mock_buffer *buffer = mock_allocate(sizeof *buffer);
    buffer->data = mock_allocate(given + READABLE_BEHIND);
    buffer->capacity = given;
    memset(buffer->data, 0xa5, given + READABLE_BEHIND);
    mock_push(&mock->buffers, buffer);
    atomic_fetch_add(&mock->bytes, given);
    if (capacity != NULL) *capacity = given;
    return buffer->data;
}

static void give_back(void *context, uint8_t *data) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.memory/1 give_back");
    for (uint32_t i = 0; i < mock->buffers.count; i++) {
        mock_buffer *buffer = mock->buffers.items[i];
        if (buffer->data != data) continue;
        atomic_fetch_sub(&mock->bytes, buffer->capacity);
        mock->buffers.items[i] = mock->buffers.items[--mock->buffers.count];
        free(buffer->data);
        free(buffer);
        return;
    }
    mock_problem(mock, "jf.memory/1 give_back: %p is no borrowed buffer", (void *)data);
}

uint64_t jf_mock_bytes(jf_mock *mock) {
    return atomic_load(&mock->bytes);
}
uint32_t jf_mock_buffers(jf_mock *mock) {
    return mock->buffers.count;
}
void jf_mock_set_memory_limit(jf_mock *mock, uint64_t bytes) {
    mock->memory_limit = bytes;
}

void jf_mock_fail_allocations(jf_mock *mock, uint64_t from) {
    uint64_t made = atomic_load(&mock->allocations);
    mock->fail_from = from > UINT64_MAX - made ? UINT64_MAX : made + from;
}

void mock_services_open(jf_mock *mock) {
    mock->fail_from = mock->memory_limit = UINT64_MAX;
    mock->log_table =
        (jf_log_1){.size = sizeof(jf_log_1), .context = mock, .write = write_record, .enabled = enabled};
    mock->clock_table =
        (jf_clock_1){.size = sizeof(jf_clock_1), .context = mock, .monotonic_ns = monotonic, .wall_ns = wall};
    mock->memory_table = (jf_memory_1){.size = sizeof(jf_memory_1),
                                       .context = mock,
                                       .allocate = allocate,
                                       .release = release,
                                       .borrow = borrow,
                                       .give_back = give_back};
}

/* After destroy (or a failed create) the instance may hold nothing. */
void mock_services_check(jf_mock *mock) {
    uint32_t buffers = mock->buffers.count;
    while (mock->buffers.count > 0)
        give_back(mock, ((mock_buffer *)mock->buffers.items[0])->data);
    if (buffers > 0) mock_problem(mock, "%u borrowed buffers were not given back", buffers);
    uint64_t bytes = atomic_load(&mock->bytes);
    if (bytes > 0)
        mock_problem(mock, "%llu bytes of jf.memory/1 were not released", (unsigned long long)bytes);
    atomic_store(&mock->bytes, 0);
    uint32_t blobs = atomic_load(&mock->counters->blobs);
    if (blobs > 0) mock_problem(mock, "%u blobs of jf.config/1 were not dropped", blobs);
}
