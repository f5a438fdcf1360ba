/* SPDX-License-Identifier: Apache-2.0
 * Caught by nothing: the listener base itself, which the check must pass. */
#include "listener.h"

#include "plugin.h"
