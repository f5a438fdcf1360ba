/* SPDX-License-Identifier: Apache-2.0
 * Caught by nothing: the routing base itself, which the check must pass. */
#include "routing.h"

#include "plugin.h"
