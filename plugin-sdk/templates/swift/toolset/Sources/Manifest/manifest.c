/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "Turns titles into parts of URLs.",
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
        "separator": {
          "enum": ["-", "_"], "default": "-",
          "description": "What stands between the words"
        }
      }
    }
  }
})json");
