/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "Sends calls to the first replica that works.",
  "facets": ["jf.routing/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "routing": {
    "strategy": "PLUGIN_NAME",
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "skip": {
          "type": "integer", "minimum": 1, "maximum": 1000000, "default": 20,
          "description": "How many calls pass a replica over after it failed"
        }
      }
    }
  }
})json");
