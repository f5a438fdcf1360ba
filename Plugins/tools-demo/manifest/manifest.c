/* SPDX-License-Identifier: Apache-2.0
 * The manifest of tools-demo, as a note that the host reads without loading the library. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "tools-demo",
  "version": "1.0.0",
  "abi": "1.0",
  "summary": "Small tools, resources and a prompt for trying out a gateway, with nothing behind them.",
  "facets": ["jf.toolset/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1", "jf.toolsets/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "toolset": {
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "only": {
          "type": "array",
          "description": "The tools to serve; all of them when absent.",
          "items": { "enum": ["echo", "add", "now", "uuid", "random", "wait", "fail"] },
          "minItems": 1,
          "uniqueItems": true
        }
      }
    }
  }
})json");
