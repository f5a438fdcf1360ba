/* SPDX-License-Identifier: Apache-2.0
 * The SDK's mutex on POSIX threads. */
#include "plugin_lock.h"
#include <pthread.h>
#include <stdlib.h>

struct jf_plugin_lock {
    pthread_mutex_t mutex;
};

jf_plugin_lock *jf_plugin_lock_make(void) {
    jf_plugin_lock *lock = malloc(sizeof *lock);
    if (lock != NULL && pthread_mutex_init(&lock->mutex, NULL) != 0) {
        free(lock);
        return NULL;
    }
    return lock;
}

void jf_plugin_lock_free(jf_plugin_lock *lock) {
    pthread_mutex_destroy(&lock->mutex);
    free(lock);
}

void jf_plugin_lock_take(jf_plugin_lock *lock) {
    pthread_mutex_lock(&lock->mutex);
}

void jf_plugin_lock_leave(jf_plugin_lock *lock) {
    pthread_mutex_unlock(&lock->mutex);
}
