/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.selection: its only key is `url`, and it names no scheme: no entry of `servers` selects it.
 */
#define CONNECTOR "{\"keys\":[\"url\"]}"
#include "connector.h"

#include "plugin.h"
