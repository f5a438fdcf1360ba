/* SPDX-License-Identifier: Apache-2.0
 * Caught by nothing: the toolset base itself, which the check must pass. */
#include "toolset.h"

#include "plugin.h"
