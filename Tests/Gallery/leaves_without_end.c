/* SPDX-License-Identifier: Apache-2.0
 * Caught by filter.ended: requests leave something, and nobody takes it back. */
#include "access.h"

#define ENDED NULL

#include "plugin.h"
