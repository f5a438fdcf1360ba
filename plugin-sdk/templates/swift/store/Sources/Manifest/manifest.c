/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "A store in memory",
  "facets": ["jf.store/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "store": { "kind": "PLUGIN_NAME" },
  "config": { "type": "object", "additionalProperties": false }
})json");
