/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "A server that echoes, inside of the gateway.",
  "facets": ["jf.connector/1"],
  "requires": ["jf.channels/1", "jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "connector": {
    "schemes": ["PLUGIN_NAME"],
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["url"],
      "properties": {
        "url": { "type": "string", "description": "PLUGIN_NAME://HOST; this server needs no host" },
        "says": {
          "type": "string", "maxLength": 1000, "default": "You said: ",
          "description": "What stands before each echo"
        }
      }
    }
  }
})json");
