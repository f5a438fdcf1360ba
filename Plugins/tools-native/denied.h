/* SPDX-License-Identifier: Apache-2.0
 * Functions that no declaration may name: they act on the process that hosts the plugin. */
#ifndef TOOLS_NATIVE_DENIED_H
#define TOOLS_NATIVE_DENIED_H

#include <stdbool.h>

/** Whether a symbol is denied by name. */
bool symbol_denied(const char *name);
/** The denied names one by one, for comparing addresses: a library may export an alias. NULL: the end. */
const char *denied_at(unsigned index);

#endif
