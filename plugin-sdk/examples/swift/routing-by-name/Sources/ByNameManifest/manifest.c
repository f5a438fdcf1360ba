/* SPDX-License-Identifier: Apache-2.0
 * What the host knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "example-routing-by-name-swift",
  "version": "1.0.0",
  "abi": "1.0",
  "summary": "Sends each tool to an endpoint of its own.",
  "facets": ["jf.routing/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "routing": { "strategy": "by-name", "config": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "seed": {
        "type": "integer", "minimum": 0, "maximum": 4294967295, "default": 0,
        "description": "Another seed sends the tools to other endpoints."
      }
    }
  } }
})json");
