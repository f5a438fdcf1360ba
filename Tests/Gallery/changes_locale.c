/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.first-life: it changes the locale. */
#include "toolset.h"

#include <locale.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    setlocale(LC_ALL, "C.UTF-8");
    return JF_OK;
}
#define START start

#include "plugin.h"
