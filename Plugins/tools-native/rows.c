/* SPDX-License-Identifier: Apache-2.0
 * Callbacks: functions of jf.callback/1. Leases last as long as the instance, since nobody knows when a
 * library has forgotten a pointer: between calls they wait in a pool and are used again for callbacks of the
 * same shape. */
#include "rows.h"

#include "ctype_ffi.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COLUMNS 256

struct sink {
    sink *next;
    sink_pool *pool;
    bool taken, ended; /**< ended: the lease is over, `code` answers by itself */
    jf_code_fn code;
    jf_ref lease;
    ctype shape[MOST_PARAMS + 1]; /**< the parameters' types, then the result's */
    uint32_t count;
    int64_t stop; /**< what a late call is answered with */
    pthread_mutex_t lock;
    const callback_decl *decl; /**< NULL: nobody listens */
    uint64_t most;
    uint32_t rows_count;
    bool cut;
    text rows;
};

struct sink_pool {
    const jf_callback_1 *service;
    pthread_mutex_t lock; /**< guards the list, and `taken` and `ended` in it */
    sink *first;
};

static void put_text(text *out, const char *value, uint64_t most) {
    if (value == NULL)
        text_put(out, "null");
    else
        text_quoted(out, value, strnlen(value, most));
}

/** A column's name; the second of the same name is called NAME_2. */
static void put_key(text *out, char **keys, uint32_t index, uint64_t most) {
    const char *key = keys[index] == NULL ? "" : keys[index];
    uint32_t same = 0;
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(keys[i] == NULL ? "" : keys[i], key) == 0) same++;
    text_quoted(out, key, strnlen(key, most));
    if (same == 0 || out->failed) return;
    out->length--;
    text_put(out, "_");
    text_unsigned(out, same + 1);
    text_put(out, "\"");
}

static int64_t counted(const sink *it, void *const *arguments, uint32_t param) {
    return cell_load(arguments[param], it->decl->params[param].type);
}

/** keys and values: {"column": "value", ...}. */
static bool pairs(sink *it, void *const *arguments) {
    const callback_decl *decl = it->decl;
    char **keys = *(char ***)arguments[decl->keys], **values = *(char ***)arguments[decl->values];
    int64_t count = counted(it, arguments, decl->params[decl->keys].length);
    if (count < 0 || count > MOST_COLUMNS || (count > 0 && keys == NULL)) return false;
    for (uint32_t i = 0; i < (uint32_t)count; i++) {
        if (i > 0) text_put(&it->rows, ",");
        put_key(&it->rows, keys, i, it->most);
        text_put(&it->rows, ":");
        put_text(&it->rows, values == NULL ? NULL : values[i], it->most);
    }
    return true;
}

/** One parameter as a member's value. */
static bool member(sink *it, const row_param *param, const void *at, void *const *arguments) {
    text *out = &it->rows;
    char *pointer = NULL;
    if (param->type == T_POINTER) memcpy(&pointer, at, sizeof pointer);
    int64_t count = param->length == NONE ? 0 : counted(it, arguments, param->length);
    switch (param->role) {
    case ROW_SCALAR:
        put_scalar(out, at, param->type, param->enumeration, AS_AUTO);
        return true;
    case ROW_TEXT:
        put_text(out, pointer, it->most);
        return true;
    case ROW_BYTES:
        if (count < 0 || (uint64_t)count > it->most) return false;
        text_base64(out, (const uint8_t *)pointer, pointer == NULL ? 0 : (size_t)count);
        return true;
    case ROW_TEXTS:
        if (count < 0 || count > MOST_COLUMNS) return false;
        text_put(out, "[");
        for (int64_t i = 0; pointer != NULL && i < count; i++) {
            if (i > 0) text_put(out, ",");
            put_text(out, ((char **)(void *)pointer)[i], it->most);
        }
        text_put(out, "]");
        return true;
    case ROW_IGNORED:
        break;
    }
    return true;
}

/** Appends one row; false: it does not fit. */
static bool append(sink *it, void *const *arguments) {
    const callback_decl *decl = it->decl;
    size_t before = it->rows.length;
    bool good = it->rows_count < decl->limit, first = true;
    if (!good) return false;
    text_put(&it->rows, it->rows_count == 0 ? "{" : ",{");
    if (decl->keys != NONE) {
        good = pairs(it, arguments);
        first = false;
    }
    for (uint32_t i = 0; good && i < decl->count; i++) {
        const row_param *param = &decl->params[i];
        bool counts = false;
        for (uint32_t j = 0; j < decl->count; j++)
            counts = counts || decl->params[j].length == i;
        if (param->role == ROW_IGNORED || param->hidden || counts || decl->keys != NONE) continue;
        if (!first) text_put(&it->rows, ",");
        first = false;
        text_quoted(&it->rows, param->name, strlen(param->name));
        text_put(&it->rows, ":");
        good = member(it, param, arguments[i], arguments);
    }
    text_put(&it->rows, "}");
    if (good && !it->rows.failed && it->rows.length <= it->most) {
        it->rows_count++;
        return true;
    }
    it->rows.length = before;
    return false;
}

/** What the library calls. */
static void called(void *user, void *const *arguments, void *result) {
    sink *it = user;
    pthread_mutex_lock(&it->lock);
    int64_t answer = it->stop;
    if (it->decl != NULL && !it->cut) {
        it->cut = !append(it, arguments);
        if (!it->cut) answer = it->decl->go;
    }
    pthread_mutex_unlock(&it->lock);
    if (it->shape[it->count] != T_VOID) cell_store(result, it->shape[it->count], answer);
}

static void free_sink(sink *it) {
    pthread_mutex_destroy(&it->lock);
    free(it);
}

/** The function does not come here any more. One that a call still has is freed by that call. */
static void ended(void *user) {
    sink *it = user;
    pthread_mutex_lock(&it->pool->lock);
    bool taken = it->taken;
    it->ended = true;
    pthread_mutex_unlock(&it->pool->lock);
    if (!taken) free_sink(it);
}

/** "i32(pointer,u8)" */
static void spell(const callback_decl *decl, char *out, size_t size) {
    size_t at = 0;
    for (uint32_t i = 0; i <= decl->count; i++) {
        ctype type = i == 0 ? decl->returns : decl->params[i - 1].type;
        at += (size_t)snprintf(out + at, size - at, "%s%s",
                               i == 1  ? "("
                               : i > 1 ? ","
                                       : "",
                               type == T_BOOL ? "u8" : ctype_name(type));
    }
    snprintf(out + at, size - at, ")");
}

/** A new function for a shape; NULL: `why`. Locked. */
static sink *make(sink_pool *pool, const callback_decl *decl, char *why, size_t size) {
    const jf_callback_1 *service = pool->service;
    char shape[16 * (MOST_PARAMS + 1)];
    jf_fault fault = {.size = sizeof fault};
    if (service == NULL) {
        snprintf(why, size, "nothing offers " JF_CALLBACK_1 ": install the plugin abi-libffi");
        return NULL;
    }
    sink *it = calloc(1, sizeof *it);
    if (it == NULL || pthread_mutex_init(&it->lock, NULL) != 0) {
        snprintf(why, size, "out of memory");
        free(it);
        return NULL;
    }
    it->pool = pool;
    it->count = decl->count;
    for (uint32_t i = 0; i < decl->count; i++)
        it->shape[i] = decl->params[i].type;
    it->shape[it->count] = decl->returns;
    spell(decl, shape, sizeof shape);
    jf_callback_request request = {.size = sizeof request,
                                   .shape = {(const uint8_t *)shape, strlen(shape)},
                                   .call = called,
                                   .ended = ended,
                                   .user = it,
                                   .idle = (uint64_t)decl->stop};
    if (service->lease(service->context, &request, &it->code, &it->lease, &fault) == JF_OK) return it;
    snprintf(why, size, "%.*s", (int)fault.text_len, fault.text);
    free_sink(it);
    return NULL;
}

static bool fits(const sink *it, const callback_decl *decl) {
    if (it->taken || it->ended || it->count != decl->count || it->shape[it->count] != decl->returns)
        return false;
    for (uint32_t i = 0; i < it->count; i++)
        if (it->shape[i] != decl->params[i].type) return false;
    return true;
}

sink *sink_take(sink_pool *pool, const callback_decl *decl, uint64_t most, char *why, size_t size) {
    pthread_mutex_lock(&pool->lock);
    sink *it = pool->first;
    while (it != NULL && !fits(it, decl))
        it = it->next;
    if (it == NULL && (it = make(pool, decl, why, size)) != NULL) {
        it->next = pool->first;
        pool->first = it;
    }
    if (it != NULL) it->taken = true;
    pthread_mutex_unlock(&pool->lock);
    if (it == NULL) return NULL;
    pthread_mutex_lock(&it->lock);
    it->decl = decl;
    it->stop = decl->stop;
    it->most = most;
    it->rows_count = 0;
    it->cut = false;
    it->rows = (text){0};
    pthread_mutex_unlock(&it->lock);
    return it;
}

void *sink_code(const sink *it) {
    void *code;
    memcpy(&code, &it->code, sizeof code);
    return code;
}

const text *sink_rows(const sink *it, bool *cut) {
    *cut = it->cut;
    return &it->rows;
}

void sink_give(sink *it) {
    pthread_mutex_lock(&it->lock);
    it->decl = NULL;
    text_free(&it->rows);
    pthread_mutex_unlock(&it->lock);
    pthread_mutex_lock(&it->pool->lock);
    it->taken = false;
    bool is_over = it->ended;
    pthread_mutex_unlock(&it->pool->lock);
    if (is_over) free_sink(it);
}

sink_pool *sinks_make(const jf_callback_1 *service) {
    sink_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL || pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    pool->service = JF_HAS(service, release) ? service : NULL;
    return pool;
}

void sinks_end(sink_pool *pool) {
    bool is_left = false;
    sink *next;
    for (sink *it = pool->first; it != NULL; it = next) {
        next = it->next;
        pthread_mutex_lock(&pool->lock);
        bool taken = it->taken;
        pthread_mutex_unlock(&pool->lock);
        /* A call that never returns keeps its function; the others answer by themselves from now on. */
        if (taken || pool->service->release(pool->service->context, it->lease, 0) != JF_OK) is_left = true;
    }
    if (is_left) return;
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
