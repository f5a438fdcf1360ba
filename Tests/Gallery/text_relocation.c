/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.code: its code is patched on loading.
 * Build: -Wl,-z,notext */
#include "toolset.h"

/* An address in the code section, which the loader has to write there. */
extern const char gallery_text[] __attribute__((visibility("hidden")));
const char gallery_text[] = "x";
__asm__(".pushsection .text\n.balign 8\n.quad gallery_text\n.popsection");

#include "plugin.h"
