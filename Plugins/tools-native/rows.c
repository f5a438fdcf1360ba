/* SPDX-License-Identifier: Apache-2.0
 * Callbacks. Closures are never freed: nobody knows when a library has forgotten the pointer. They wait in a
 * pool of the process and are used again for callbacks of the same shape. */
#include "rows.h"

#include "ctype_ffi.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COLUMNS 256

struct sink {
    sink *next;
    bool taken;
    ffi_closure *closure;
    void *code;
    ffi_cif cif;
    ffi_type *types[MOST_PARAMS];
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

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static sink *pool;
static uint32_t pool_size;

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

static int64_t counted(const sink *it, void **arguments, uint32_t param) {
    return cell_load(arguments[param], it->decl->params[param].type);
}

/** keys and values: {"column": "value", ...}. */
static bool pairs(sink *it, void **arguments) {
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
static bool member(sink *it, const row_param *param, const void *at, void **arguments) {
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
static bool append(sink *it, void **arguments) {
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
static void called(ffi_cif *cif, void *result, void **arguments, void *user) {
    sink *it = user;
    (void)cif;
    pthread_mutex_lock(&it->lock);
    int64_t answer = it->stop;
    if (it->decl != NULL && !it->cut) {
        it->cut = !append(it, arguments);
        if (!it->cut) answer = it->decl->go;
    }
    pthread_mutex_unlock(&it->lock);
    /* libffi reads a whole register, whatever the width of the result. */
    ffi_arg wide = (ffi_arg)answer;
    if (it->shape[it->count] != T_VOID) memcpy(result, &wide, sizeof wide);
}

/** A new closure for a shape; NULL: no memory, or none that may be executed. */
static sink *make(const callback_decl *decl) {
    sink *it = calloc(1, sizeof *it);
    if (it == NULL) return NULL;
    it->count = decl->count;
    for (uint32_t i = 0; i < decl->count; i++) {
        it->shape[i] = decl->params[i].type;
        it->types[i] = ffi_of(it->shape[i]);
    }
    it->shape[it->count] = decl->returns;
    if (pthread_mutex_init(&it->lock, NULL) == 0) {
        it->closure = ffi_closure_alloc(sizeof *it->closure, &it->code);
        if (it->closure != NULL &&
            ffi_prep_cif(&it->cif, FFI_DEFAULT_ABI, it->count, ffi_of(decl->returns), it->types) == FFI_OK &&
            ffi_prep_closure_loc(it->closure, &it->cif, called, it, it->code) == FFI_OK)
            return it;
        if (it->closure != NULL) ffi_closure_free(it->closure); /* never handed out */
        pthread_mutex_destroy(&it->lock);
    }
    free(it);
    return NULL;
}

static bool fits(const sink *it, const callback_decl *decl) {
    if (it->taken || it->count != decl->count || it->shape[it->count] != decl->returns) return false;
    for (uint32_t i = 0; i < it->count; i++)
        if (it->shape[i] != decl->params[i].type) return false;
    return true;
}

sink *sink_take(const callback_decl *decl, uint64_t most) {
    pthread_mutex_lock(&pool_lock);
    sink *it = pool;
    while (it != NULL && !fits(it, decl))
        it = it->next;
    if (it == NULL && (it = make(decl)) != NULL) {
        it->next = pool;
        pool = it;
        pool_size++;
    }
    if (it != NULL) it->taken = true;
    pthread_mutex_unlock(&pool_lock);
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
    return it->code;
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
    pthread_mutex_lock(&pool_lock);
    it->taken = false;
    pthread_mutex_unlock(&pool_lock);
}

uint32_t sink_count(void) {
    pthread_mutex_lock(&pool_lock);
    uint32_t count = pool_size;
    pthread_mutex_unlock(&pool_lock);
    return count;
}
