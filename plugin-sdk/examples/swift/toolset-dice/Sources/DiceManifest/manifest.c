/* SPDX-License-Identifier: Apache-2.0
 * What the host knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "toolset-dice",
  "version": "1.0.0",
  "abi": "1.0",
  "summary": "Rolls dice.",
  "facets": ["jf.toolset/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1", "jf.toolsets/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "toolset": { "config": {
    "type": "object",
    "additionalProperties": false,
    "properties": { "limit": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 } }
  } }
})json");
