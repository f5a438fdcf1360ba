/* SPDX-License-Identifier: Apache-2.0
 * Cell: the host's services as the plugin sees them: log, clock, memory, operations, sets, calls, seal. */
#define _GNU_SOURCE
#include "cell.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Log records are dropped, not waited for, once so much waits to be sent. */
#define LOG_QUEUE_MOST (1ull << 20)
#define LOG_TEXT_MOST 8192u
#define LOG_FIELDS_MOST 16u

/* ---- jf.log/1 ---- */

static void log_write(void *context, uint32_t level, jf_view text, const jf_pair *fields, uint64_t count) {
    (void)context;
    if (level > JF_LOG_ERROR) level = JF_LOG_ERROR;
    if ((cell_here.log_levels >> level & 1) == 0) return;
    pthread_mutex_lock(&cell_here.lock);
    cell_writer *out = cell_here.link.queued < LOG_QUEUE_MOST ? cell_link_writer(&cell_here.link) : NULL;
    if (out == NULL) {
        cell_here.lost_records++;
        pthread_mutex_unlock(&cell_here.lock);
        return;
    }
    if (text.len > LOG_TEXT_MOST) text.len = LOG_TEXT_MOST;
    cell_begin(out, CELL_LOG, 0, level, 0, 0);
    cell_put_view(out, text);
    cell_put_pairs(out, fields, count < LOG_FIELDS_MOST ? count : LOG_FIELDS_MOST);
    if (!cell_send(out)) cell_here.lost_records++;
}

static uint32_t log_enabled(void *context, uint32_t level) {
    (void)context;
    return level <= JF_LOG_ERROR ? cell_here.log_levels >> level & 1 : 1;
}

static const jf_log_1 log_table = {.size = sizeof(jf_log_1), .write = log_write, .enabled = log_enabled};

void cell_note(uint32_t level, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    jf_pair field = {cell_text("cell"), cell_text(cell_here.settings.name)};
    log_write(NULL, level, cell_text(text), &field, 1);
}

/* ---- jf.clock/1 ---- */

static uint64_t monotonic(void *context) {
    (void)context;
    return cell_clock();
}

static uint64_t wall(void *context) {
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const jf_clock_1 clock_table = {
    .size = sizeof(jf_clock_1), .monotonic_ns = monotonic, .wall_ns = wall};

/* ---- jf.memory/1 ---- */

/* Before each allocation stands its size; 16 bytes keep what follows aligned. */
#define HEADER 16u

static void *take_memory(uint64_t size, uint64_t extra) {
    uint64_t held = atomic_fetch_add(&cell_here.memory, size) + size;
    uint8_t *memory = NULL;
    if (size <= cell_here.settings.memory && held <= cell_here.settings.memory)
        memory = extra == 0 ? calloc(1, size + HEADER) : malloc(size + HEADER + extra);
    if (memory == NULL) {
        atomic_fetch_sub(&cell_here.memory, size);
        return NULL;
    }
    memcpy(memory, &size, sizeof size);
    return memory + HEADER;
}

static void *allocate(void *context, uint64_t size) {
    (void)context;
    return size > UINT64_MAX / 2 ? NULL : take_memory(size, 0);
}

static void release(void *context, void *memory) {
    uint64_t size;
    (void)context;
    if (memory == NULL) return;
    uint8_t *start = (uint8_t *)memory - HEADER;
    memcpy(&size, start, sizeof size);
    atomic_fetch_sub(&cell_here.memory, size);
    free(start);
}

/* Freed buffers of the two pooled classes, chained through their first bytes. */
static struct {
    uint64_t size;
    uint32_t count;
    uint8_t *first;
} pools[2] = {{65536, 0, NULL}, {1048576, 0, NULL}};
#define POOLED_MOST 8u

static uint8_t *borrow(void *context, uint64_t size, uint64_t *capacity) {
    (void)context;
    if (size > UINT64_MAX / 2) return NULL;
    uint64_t given = size <= pools[0].size ? pools[0].size : size <= pools[1].size ? pools[1].size : size;
    if (capacity != NULL) *capacity = given;
    for (size_t i = 0; i < 2; i++) {
        if (pools[i].size != given || pools[i].first == NULL) continue;
        uint8_t *buffer = pools[i].first;
        memcpy(&pools[i].first, buffer, sizeof pools[i].first);
        pools[i].count--;
        return buffer;
    }
    return take_memory(given, CELL_PADDING);
}

static void give_back(void *context, uint8_t *buffer) {
    uint64_t size;
    if (buffer == NULL) return;
    memcpy(&size, buffer - HEADER, sizeof size);
    for (size_t i = 0; i < 2; i++) {
        if (pools[i].size != size || pools[i].count >= POOLED_MOST) continue;
        memcpy(buffer, &pools[i].first, sizeof pools[i].first);
        pools[i].first = buffer;
        pools[i].count++;
        return;
    }
    release(context, buffer);
}

static const jf_memory_1 memory_table = {.size = sizeof(jf_memory_1),
                                         .allocate = allocate,
                                         .release = release,
                                         .borrow = borrow,
                                         .give_back = give_back};

/* ---- jf.ops/1 ---- */

/* `*passage`: what it lent to a filter, to be freed. */
static bool end_operation(jf_ref op, cell_passage **passage) {
    uint64_t value;
    *passage = NULL;
    pthread_mutex_lock(&cell_here.lock);
    bool known = cell_map_remove(&cell_here.operations, op, NULL);
    cell_map_remove(&cell_here.canceled, op, NULL);
    if (cell_map_remove(&cell_here.passages, op, &value)) *passage = (cell_passage *)(uintptr_t)value;
    pthread_mutex_unlock(&cell_here.lock);
    return known;
}

static int32_t finish(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    jf_blob taken = {0};
    (void)context;
    if (result != NULL) {
        taken = *result;
        *result = (jf_blob){0};
    }
    cell_passage *passage;
    bool known = end_operation(op, &passage);
    jf_verdict head;
    jf_view parts[2] = {{taken.ptr, taken.len}, {taken.ptr, 0}};
    if (passage != NULL && status == JF_OK && taken.ptr != NULL && taken.len >= sizeof head) {
        memcpy(&head, taken.ptr, sizeof head);
        cell_verdict_out(passage, &head);
        parts[0] = (jf_view){(const uint8_t *)&head, sizeof head};
        parts[1] = (jf_view){taken.ptr + sizeof head, taken.len - sizeof head};
    }
    if (known) {
        if (status == JF_PENDING || status > JF_ABSENT || status < JF_E_FAULT) status = JF_E_FAULT;
        cell_writer *out = cell_out(CELL_FINISH, op, 0, status);
        bool sent = false;
        if (out != NULL) {
            cell_put_fault(out, why);
            if (cell_here.is_private) out->is_secret = true;
            if (status == JF_OK && taken.ptr != NULL)
                cell_put_segments(out, parts, 2);
            else
                cell_put_view(out, (jf_view){NULL, 0});
            sent = cell_send(out);
        }
        if (!sent && (out = cell_out(CELL_FINISH, op, 0, JF_E_FAULT)) != NULL) {
            jf_fault fault = {.size = sizeof fault};
            cell_fault(&fault, JF_E_FAULT, 0, 0, "the result of %llu bytes is too large to leave the cell",
                       (unsigned long long)taken.len);
            cell_put_fault(out, &fault);
            cell_put_view(out, (jf_view){NULL, 0});
            cell_send(out);
        }
    } else {
        cell_note(JF_LOG_WARNING, "operation finished twice or too late");
    }
    cell_passage_free(passage);
    if (taken.drop != NULL) taken.drop(taken.owner);
    return known ? JF_OK : JF_E_STALE;
}

void cell_finish(jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    finish(NULL, op, status, result, why);
}

static int32_t operation_state(void *context, jf_ref op) {
    uint64_t deadline = 0, why = 0;
    (void)context;
    pthread_mutex_lock(&cell_here.lock);
    bool known = cell_map_get(&cell_here.operations, op, &deadline);
    bool canceled = cell_map_get(&cell_here.canceled, op, &why);
    pthread_mutex_unlock(&cell_here.lock);
    if (!known) return JF_E_STALE;
    if (canceled) return (int32_t)(int64_t)why;
    return deadline != 0 && cell_clock() >= deadline ? JF_E_TIMEOUT : JF_OK;
}

static int32_t progress(void *context, jf_ref op, double done, double total, jf_view text) {
    uint64_t done_bits, total_bits;
    if (operation_state(context, op) == JF_E_STALE) return JF_E_STALE;
    memcpy(&done_bits, &done, sizeof done_bits);
    memcpy(&total_bits, &total, sizeof total_bits);
    cell_writer *out = cell_out(CELL_PROGRESS, op, 0, 0);
    if (out == NULL) return JF_E_BUSY;
    cell_put_number(out, done_bits);
    cell_put_number(out, total_bits);
    cell_put_view(out, text);
    return cell_send(out) ? JF_OK : JF_E_BUSY;
}

static const jf_ops_1 ops_table = {
    .size = sizeof(jf_ops_1), .finish = finish, .state = operation_state, .progress = progress};

/* ---- jf.toolsets/1 ---- */

static void changed(void *context, jf_ref set, uint32_t kind) {
    (void)context;
    cell_writer *out = kind <= JF_PROMPTS ? cell_out(CELL_CHANGED, set, kind, 0) : NULL;
    if (out != NULL) cell_send(out);
}

static const jf_toolsets_1 toolsets_table = {.size = sizeof(jf_toolsets_1), .changed = changed};

/* ---- jf.calls/1 ---- */

typedef struct call_under_way {
    jf_call_done_fn done;
    void *user;
} call_under_way;

static int32_t call_start(void *context, const jf_call *given, jf_call_done_fn done, void *user,
                          jf_ref *out_ref, jf_fault *why) {
    jf_call local;
    (void)context;
    cell_attach(&local, sizeof local, given);
    if (done == NULL || local.method.len == 0)
        return cell_fault(why, JF_E_INVALID, 0, 0, "a call needs a method");
    call_under_way *it = malloc(sizeof *it);
    jf_ref ref = ++cell_here.next_ref;
    if (it == NULL || !cell_map_put(&cell_here.calls, ref, (uint64_t)(uintptr_t)it)) {
        free(it);
        return cell_fault(why, JF_E_BUSY, 0, 0, "out of memory");
    }
    *it = (call_under_way){done, user};
    cell_writer *out = cell_out(CELL_CALL, ref, 0, 0);
    bool sent = false;
    if (out != NULL) {
        cell_put_number(out, local.timeout_ns);
        cell_put_view(out, local.target);
        cell_put_view(out, local.method);
        cell_put_view(out, local.params);
        cell_put_view(out, local.principal);
        sent = cell_send(out);
    }
    if (!sent) {
        cell_map_remove(&cell_here.calls, ref, NULL);
        free(it);
        return cell_fault(why, JF_E_BUSY, 0, 0, "the call cannot be sent to the gateway");
    }
    if (out_ref != NULL) *out_ref = ref;
    return JF_OK;
}

static void call_cancel(void *context, jf_ref call) {
    (void)context;
    if (!cell_map_get(&cell_here.calls, call, NULL)) return;
    cell_writer *out = cell_out(CELL_CALL_CANCEL, call, 0, 0);
    if (out != NULL) cell_send(out);
}

void cell_call_done(cell_frame *frame) {
    uint64_t value;
    jf_call_result result = {
        .size = sizeof result, .status = frame->head.status, .body = cell_get_view(frame)};
    if (!cell_map_remove(&cell_here.calls, frame->head.ref, &value)) return;
    call_under_way it = *(call_under_way *)(uintptr_t)value;
    free((void *)(uintptr_t)value);
    it.done(it.user, frame->head.ref, &result);
}

static const jf_calls_1 calls_table = {
    .size = sizeof(jf_calls_1), .start = call_start, .cancel = call_cancel};

/* ---- jf.seal/1 ---- */

static int32_t sealing(uint64_t which, jf_view text, jf_view bound, jf_blob *result, jf_fault *why) {
    cell_waiting waiting;
    cell_writer *out = cell_ask_out(&waiting, CELL_SEAL, which);
    if (out == NULL) return cell_fault(why, JF_E_FAULT, 0, 0, "out of memory");
    cell_put_view(out, text);
    cell_put_view(out, bound);
    int32_t status = cell_ask(&waiting, out);
    if (status != JF_OK) return cell_fault(why, JF_E_FAULT, 0, 0, "the gateway did not answer in time");
    jf_fault fault;
    status = waiting.frame.head.status;
    cell_get_fault(&waiting.frame, &fault);
    if (status == JF_OK && !cell_take_blob(&waiting.frame, result)) status = JF_E_FAULT;
    if (status != JF_OK)
        cell_fault(why, status, fault.flags, fault.retry_ms, "%.*s", (int)fault.text_len, fault.text);
    cell_packet_free(waiting.packet);
    return status;
}

static int32_t seal(void *context, jf_view plain, jf_view bound, jf_blob *sealed, jf_fault *why) {
    (void)context;
    return sealing(0, plain, bound, sealed, why);
}
static int32_t unseal(void *context, jf_view sealed, jf_view bound, jf_blob *plain, jf_fault *why) {
    (void)context;
    return sealing(1, sealed, bound, plain, why);
}

static const jf_seal_1 seal_table = {.size = sizeof(jf_seal_1), .seal = seal, .open = unseal};

/* ---- Which there are ---- */

const void *cell_service(const jf_host *host, const char *id) {
    const struct {
        const char *id;
        const void *table;
        uint64_t needs; /**< what the gateway must have for it */
    } services[] = {{JF_LOOP_1, &cell_loop_table, 0},
                    {JF_LOG_1, &log_table, 0},
                    {JF_CLOCK_1, &clock_table, 0},
                    {JF_MEMORY_1, &memory_table, 0},
                    {JF_CONFIG_1, &cell_config_table, 0},
                    {JF_OPS_1, &ops_table, CELL_SERVICE_OPS},
                    {JF_TOOLSETS_1, &toolsets_table, CELL_SERVICE_TOOLSETS},
                    {JF_CALLS_1, &calls_table, CELL_SERVICE_CALLS},
                    {JF_CHANNELS_1, &cell_channels_table, CELL_SERVICE_CHANNELS},
                    {JF_INBOUND_1, &cell_inbound_table, CELL_SERVICE_INBOUND},
                    {JF_SEAL_1, &seal_table, CELL_SERVICE_SEAL},
                    {JF_IDENTITY_1, &cell_identity_table, CELL_SERVICE_IDENTITY},
                    {JF_CONNECTED_1, &cell_connected_table, CELL_SERVICE_CONNECTED},
                    {JF_POLICIES_1, &cell_policies_table, CELL_SERVICE_POLICIES},
                    {JF_WATCHES_1, &cell_watches_table, CELL_SERVICE_WATCHES},
                    {JF_STATE_1, &cell_state_table, CELL_SERVICE_STATE}};
    (void)host;
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (strcmp(services[i].id, id) != 0 || !cell_lists(cell_here.settings.listed_services, id)) continue;
        return (cell_here.settings.services & services[i].needs) == services[i].needs ? services[i].table
                                                                                      : NULL;
    }
    if (!cell_lists(cell_here.settings.listed_services, id)) return NULL;
    for (uint32_t i = 0; i < cell_here.beside_count; i++) {
        const cell_neighbour *it = &cell_here.beside[i];
        const void *table = it->plugin.facet(it->self, id);
        if (table != NULL) return table;
    }
    return NULL;
}

const void *cell_own_service(const jf_host *host, const char *id) {
    const struct {
        const char *id;
        const void *table;
    } services[] = {{JF_LOG_1, &log_table},
                    {JF_CLOCK_1, &clock_table},
                    {JF_MEMORY_1, &memory_table},
                    {JF_CONFIG_1, &cell_config_table}};
    (void)host;
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (strcmp(services[i].id, id) == 0) return services[i].table;
    return NULL;
}
