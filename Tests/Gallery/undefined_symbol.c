/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.load: it needs a symbol that nobody defines.
 * Build: -Wl,--unresolved-symbols=ignore-all */
#include "toolset.h"

extern void gallery_missing_function(void);
void (*const gallery_pointer)(void) __attribute__((used, visibility("hidden"))) = gallery_missing_function;

#include "plugin.h"
