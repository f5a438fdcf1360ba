/* SPDX-License-Identifier: Apache-2.0
 * Caught by nothing: a provider, a credential source, a policy, a filter and a store. */
#include "access.h"

#include "plugin.h"
