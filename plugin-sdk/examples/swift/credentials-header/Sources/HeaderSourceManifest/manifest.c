/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "credentials-header",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Shows servers a header from an environment variable",
  "facets": ["jf.credentials/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "credentials": {
    "source": "header",
    "exchange": false,
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["variable"],
      "properties": {
        "variable": {
          "type": "string",
          "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
          "maxLength": 100,
          "description": "The environment variable"
        },
        "header": {
          "type": "string",
          "pattern": "^[A-Za-z0-9-]+$",
          "maxLength": 100,
          "default": "authorization",
          "description": "The header field"
        },
        "prefix": {
          "type": "string",
          "maxLength": 100,
          "default": "Bearer ",
          "description": "What stands before the value"
        }
      }
    }
  }
})json");
