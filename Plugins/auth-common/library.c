/* SPDX-License-Identifier: Apache-2.0
 * Libraries loaded with dlopen. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

struct au_crypto au_crypto;

bool au_library_load(struct au_library *library, const char **missing) {
    pthread_mutex_lock(&loading);
    if (!library->loaded) {
        void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
        library->loaded = handle != NULL;
        if (handle == NULL) *missing = library->file;
        for (const struct au_symbol *it = library->symbols; library->loaded && it->name != NULL; it++) {
            void *symbol = dlsym(handle, it->name);
            memcpy(it->to, &symbol, sizeof(symbol));
            if (symbol != NULL) continue;
            library->loaded = false;
            *missing = it->name;
        }
    }
    bool loaded = library->loaded;
    pthread_mutex_unlock(&loading);
    return loaded;
}

bool au_crypto_load(const char **missing) {
    enum { INIT_NO_ATEXIT = 0x80000 }; // OpenSSL's stable number (crypto.h)
    static const struct au_symbol symbols[] = {{"OPENSSL_init_crypto", &au_crypto.OPENSSL_init_crypto},
                                               {"SHA256", &au_crypto.SHA256},
                                               {"ERR_clear_error", &au_crypto.ERR_clear_error},
                                               {NULL, NULL}};
    static struct au_library library = {.file = "libcrypto.so.3", .symbols = symbols};
    if (!au_library_load(&library, missing)) return false;
    // No exit handler: the host may end while other threads still run.
    if (au_crypto.OPENSSL_init_crypto(INIT_NO_ATEXIT, NULL) == 1) return true;
    *missing = "its initialisation";
    return false;
}
