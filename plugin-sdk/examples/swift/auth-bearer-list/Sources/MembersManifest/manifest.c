/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "auth-bearer-list",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Knows people by bearer tokens from a list",
  "facets": ["jf.auth/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "auth": {
    "provider": "bearer-list",
    "fields": ["authorization"],
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["people"],
      "properties": {
        "people": {
          "type": "array",
          "minItems": 1,
          "maxItems": 1000,
          "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["subject", "token"],
            "properties": {
              "subject": { "type": "string", "minLength": 1, "description": "Who it is" },
              "token": {
                "type": "string",
                "minLength": 16,
                "maxLength": 1000,
                "description": "What it shows: write ${env:NAME} or ${file:PATH}, not the token itself"
              },
              "roles": {
                "type": "array",
                "items": { "type": "string" },
                "default": [],
                "description": "What it may be taken for by policies"
              }
            }
          }
        }
      }
    }
  }
})json");
