/* SPDX-License-Identifier: Apache-2.0
 * Opaque pointers of a library: they stay here, clients hold references. [any] but for making and freeing. */
#ifndef TOOLS_NATIVE_HANDLES_H
#define TOOLS_NATIVE_HANDLES_H

#include "json.h"
#include "library.h"

#include <pthread.h>

typedef struct handle_slot {
    void *pointer; /**< NULL: free */
    const handle_decl *decl;
    uint32_t generation;
    uint32_t users;     /**< calls that use it now */
    bool alone;         /**< one of them ends it */
    uint64_t tag;       /**< random: references cannot be guessed */
    uint8_t *principal; /**< who may use it; NULL: not authenticated */
    size_t principal_length;
} handle_slot;

typedef struct handle_table {
    pthread_mutex_t lock;
    handle_slot *slots;
    uint32_t size;
    uint32_t *open;      /**< by declaration */
    native_fn *destroys; /**< by declaration */
    bool ready;
} handle_table;

/** Room for every handle that `it` may have open at once. */
bool handles_make(handle_table *out, const declaration *it, const library *from, problems *list);
/** Destroys what is open. */
void handles_free(handle_table *it);

/** Whether one more may be opened: asked before the call that makes it. */
bool handles_room(handle_table *it, const handle_decl *decl);
/** Keeps a pointer and writes its reference as a JSON string. False: no room; the pointer was destroyed. */
bool handles_add(handle_table *it, const handle_decl *decl, void *pointer, const uint8_t *principal,
                 size_t principal_length, text *out);
/** Finds and pins the handle of a reference. NULL: `why` says why not. `alone`: for a call that ends it. */
handle_slot *handles_use(handle_table *it, const handle_decl *decl, const json_value *reference,
                         const uint8_t *principal, size_t principal_length, bool alone, const char **why);
/** Ends the use; `ended`: the library has destroyed it. */
void handles_done(handle_table *it, handle_slot *slot, bool ended);
/** Destroys a pointer that never became a handle. */
void handles_destroy(handle_table *it, const handle_decl *decl, void *pointer);

#endif
