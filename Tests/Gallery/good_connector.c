/* SPDX-License-Identifier: Apache-2.0
 * Caught by nothing: the connector base itself, which the check must pass. */
#include "connector.h"

#include "plugin.h"
