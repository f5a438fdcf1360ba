/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.exports: it exports a second symbol. */
#include "toolset.h"

JF_PUBLIC int gallery_counter;
int gallery_counter = 1;

#include "plugin.h"
