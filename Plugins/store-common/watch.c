/* SPDX-License-Identifier: Apache-2.0
 * The watches of one instance. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "watch.h"

#include "answer.h"
#include <stdlib.h>
#include <string.h>

void sc_watches_open(sc_watches *it, const sc_host *host) {
    pthread_mutexattr_t attributes;
    *it = (sc_watches){.host = host};
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&it->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

void sc_watches_close(sc_watches *it) {
    for (uint32_t i = 0; i < it->count; i++)
        free((void *)(uintptr_t)it->items[i].prefix.ptr);
    free(it->items);
    pthread_mutex_destroy(&it->lock);
}

static int32_t add(sc_watches *it, jf_ref watch, jf_view prefix, jf_fault *why) {
    const char *plugin = it->host->plugin;
    if (it->host->watches.changed == NULL)
        return sc_fault(why, JF_E_UNSUPPORTED, 0, "%s: the host has no %s", plugin, JF_WATCHES_1);
    if (prefix.len > JF_STORE_KEY_MOST)
        return sc_fault(why, JF_E_INVALID, 0, "%s: a prefix has at most 1024 bytes", plugin);
    if (it->count == SC_WATCHES_MOST)
        return sc_fault(why, JF_E_BUSY, 0, "%s: more than %u watches", plugin, SC_WATCHES_MOST);
    if (it->count == it->room) {
        uint32_t room = it->room == 0 ? 8 : it->room * 2;
        sc_watch *items = realloc(it->items, room * sizeof *items);
        if (items == NULL) return sc_fault(why, JF_E_BUSY, 0, "%s: no memory for a watch", plugin);
        it->items = items;
        it->room = room;
    }
    uint8_t *own = malloc(prefix.len + 1);
    if (own == NULL) return sc_fault(why, JF_E_BUSY, 0, "%s: no memory for a watch", plugin);
    if (prefix.len > 0) memcpy(own, prefix.ptr, prefix.len);
    it->items[it->count++] = (sc_watch){watch, {own, prefix.len}};
    return JF_OK;
}

int32_t sc_watch_add(sc_watches *it, jf_ref watch, jf_view prefix, jf_fault *why) {
    pthread_mutex_lock(&it->lock);
    int32_t status = add(it, watch, prefix, why);
    pthread_mutex_unlock(&it->lock);
    return status;
}

/* Watches that ended while others were told have the ref 0 until then. */
static void compact(sc_watches *it) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < it->count; i++) {
        if (it->items[i].ref != 0)
            it->items[kept++] = it->items[i];
        else
            free((void *)(uintptr_t)it->items[i].prefix.ptr);
    }
    it->count = kept;
}

bool sc_watch_remove(sc_watches *it, jf_ref watch) {
    bool found = false;
    pthread_mutex_lock(&it->lock);
    for (uint32_t i = 0; i < it->count && !found; i++) {
        found = it->items[i].ref == watch;
        if (found) it->items[i].ref = 0;
    }
    if (it->telling == 0) compact(it);
    pthread_mutex_unlock(&it->lock);
    return found;
}

uint32_t sc_watch_count(sc_watches *it) {
    pthread_mutex_lock(&it->lock);
    uint32_t count = it->count;
    pthread_mutex_unlock(&it->lock);
    return count;
}

void sc_watch_tell(sc_watches *it, jf_view key, uint64_t revision) {
    const jf_watches_1 *service = &it->host->watches;
    pthread_mutex_lock(&it->lock);
    it->telling++;
    for (uint32_t i = 0; i < it->count; i++) {
        sc_watch watch = it->items[i];
        if (watch.ref != 0 && (key.ptr == NULL || sc_begins(key, watch.prefix)))
            service->changed(service->context, watch.ref, key, revision);
    }
    if (--it->telling == 0) compact(it);
    pthread_mutex_unlock(&it->lock);
}
