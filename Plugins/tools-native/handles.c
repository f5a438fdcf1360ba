/* SPDX-License-Identifier: Apache-2.0
 * Opaque pointers of a library. A reference reads NAME-SLOT.GENERATION-TAG. */
#include "handles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

bool handles_make(handle_table *out, const declaration *it, const library *from, problems *list) {
    memset(out, 0, sizeof *out);
    if (it->handle_count == 0) return true;
    for (uint32_t i = 0; i < it->handle_count; i++)
        out->size += it->handles[i].limit;
    out->slots = calloc(out->size, sizeof *out->slots);
    out->open = calloc(it->handle_count, sizeof *out->open);
    out->destroys = calloc(it->handle_count, sizeof *out->destroys);
    bool good = out->slots != NULL && out->open != NULL && out->destroys != NULL;
    if (!good) problem(list, (place){0, 0}, "out of memory");
    out->ready = good && pthread_mutex_init(&out->lock, NULL) == 0;
    for (uint32_t i = 0; good && i < it->handle_count; i++) {
        out->destroys[i] = library_releaser(from, it->handles[i].destroy, it->handles[i].at, list);
        good = out->destroys[i] != NULL;
    }
    return good && out->ready;
}

void handles_destroy(handle_table *it, const handle_decl *decl, void *pointer) {
    /* Whatever it returns stays unread: void and integers come back in a register. */
    void (*destroy)(void *) = (void (*)(void *))it->destroys[decl->index];
    destroy(pointer);
}

void handles_free(handle_table *it) {
    for (uint32_t i = 0; it->slots != NULL && i < it->size; i++) {
        if (it->slots[i].pointer != NULL) handles_destroy(it, it->slots[i].decl, it->slots[i].pointer);
        free(it->slots[i].principal);
    }
    if (it->ready) pthread_mutex_destroy(&it->lock);
    free(it->slots);
    free(it->open);
    free(it->destroys);
    memset(it, 0, sizeof *it);
}

bool handles_room(handle_table *it, const handle_decl *decl) {
    pthread_mutex_lock(&it->lock);
    bool room = it->open[decl->index] < decl->limit;
    pthread_mutex_unlock(&it->lock);
    return room;
}

/** Fills a free slot. NULL: the limit is reached, or there is no memory or no randomness. */
static handle_slot *fill(handle_table *it, const handle_decl *decl, void *pointer, const uint8_t *principal,
                         size_t length) {
    if (it->open[decl->index] >= decl->limit) return NULL;
    for (uint32_t i = 0; i < it->size; i++) {
        handle_slot *slot = &it->slots[i];
        if (slot->pointer != NULL) continue;
        uint64_t tag;
        if (getrandom(&tag, sizeof tag, GRND_NONBLOCK) != (ssize_t)sizeof tag) return NULL;
        uint8_t *copy = principal == NULL ? NULL : malloc(length + 1);
        if (principal != NULL && copy == NULL) return NULL;
        if (copy != NULL && length != 0) memcpy(copy, principal, length);
        *slot = (handle_slot){pointer, decl, slot->generation + 1, 0, false, tag, copy, length};
        it->open[decl->index]++;
        return slot;
    }
    return NULL;
}

bool handles_add(handle_table *it, const handle_decl *decl, void *pointer, const uint8_t *principal,
                 size_t principal_length, text *out) {
    char reference[140];
    pthread_mutex_lock(&it->lock);
    handle_slot *slot = fill(it, decl, pointer, principal, principal_length);
    if (slot != NULL)
        snprintf(reference, sizeof reference, "%s-%u.%u-%016llx", decl->name, (unsigned)(slot - it->slots),
                 slot->generation, (unsigned long long)slot->tag);
    pthread_mutex_unlock(&it->lock);
    if (slot == NULL) {
        handles_destroy(it, decl, pointer);
        return false;
    }
    text_quoted(out, reference, strlen(reference));
    return true;
}

/** The slot that a reference names, whoever asks; NULL: none. */
static handle_slot *parse(handle_table *it, const handle_decl *decl, const json_value *reference) {
    char copy[140], again[140];
    unsigned slot, generation;
    unsigned long long tag;
    size_t name = strlen(decl->name);
    if (reference->len >= sizeof copy || reference->escaped) return NULL;
    memcpy(copy, reference->ptr, reference->len);
    copy[reference->len] = 0;
    if (strncmp(copy, decl->name, name) != 0) return NULL;
    if (sscanf(copy + name, "-%9u.%9u-%16llx", &slot, &generation, &tag) != 3 || slot >= it->size)
        return NULL;
    snprintf(again, sizeof again, "%s-%u.%u-%016llx", decl->name, slot, generation, tag);
    if (strcmp(copy, again) != 0) return NULL;
    handle_slot *found = &it->slots[slot];
    return found->pointer != NULL && found->decl == decl && found->generation == generation &&
                   found->tag == tag
               ? found
               : NULL;
}

handle_slot *handles_use(handle_table *it, const handle_decl *decl, const json_value *reference,
                         const uint8_t *principal, size_t principal_length, bool alone, const char **why) {
    pthread_mutex_lock(&it->lock);
    handle_slot *slot = parse(it, decl, reference);
    bool theirs = slot != NULL && (slot->principal == NULL) == (principal == NULL) &&
                  (principal == NULL || (slot->principal_length == principal_length &&
                                         memcmp(slot->principal, principal, principal_length) == 0));
    if (!theirs) {
        /* One answer for wrong, ended and somebody else's. */
        *why = "is no handle that is open: open one first";
        slot = NULL;
    } else if (slot->alone || (alone && slot->users > 0)) {
        *why = "is in use by another call: try again when that has ended";
        slot = NULL;
    } else {
        slot->users++;
        slot->alone = alone;
    }
    pthread_mutex_unlock(&it->lock);
    return slot;
}

void handles_done(handle_table *it, handle_slot *slot, bool ended) {
    pthread_mutex_lock(&it->lock);
    slot->users--;
    slot->alone = false;
    if (ended) {
        it->open[slot->decl->index]--;
        free(slot->principal);
        slot->principal = NULL;
        slot->pointer = NULL;
    }
    pthread_mutex_unlock(&it->lock);
}
