/* SPDX-License-Identifier: Apache-2.0
 * The library behind a declaration: found, checked against its pin, loaded, its functions looked up. */
#ifndef TOOLS_NATIVE_LIBRARY_H
#define TOOLS_NATIVE_LIBRARY_H

#include "model.h"

typedef void (*native_fn)(void);

/** Never closed again: code of a library must not vanish under a callback or a thread of its own. */
typedef struct library {
    void *image;
    const void *base; /**< its dynamic section, which tells images apart */
    char path[4096];
    char sha256[65];
} library;

/** Finds, checks and loads the library of `it`. A path with a slash is relative to `folder`. False: `list`
 * says why. */
bool library_open(library *out, const declaration *it, const char *folder, problems *list);
/** A function of the library itself, not of one that it needs. NULL: `list` says why. */
native_fn library_function(const library *it, const char *symbol, place at, problems *list);
/** The same for a function that takes something back: `free` of the C library is known too. */
native_fn library_releaser(const library *it, const char *symbol, place at, problems *list);

#endif
