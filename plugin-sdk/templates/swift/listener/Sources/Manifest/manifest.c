/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "Takes MCP clients on a port of this machine, a JSON text on each line.",
  "facets": ["jf.listener/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.inbound/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "listener": {
    "transport": "PLUGIN_NAME",
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "address": {
          "type": "string", "default": "127.0.0.1:8810",
          "description": "Where to listen: an address of the loopback interface, port 0 for any"
        },
        "max_message": {
          "type": "integer", "minimum": 1024, "maximum": 1073741824, "default": 4194304,
          "description": "The longest line of a client, in bytes"
        }
      }
    }
  }
})json");
