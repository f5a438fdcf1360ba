/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "filter-mask",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Masks an argument of calls",
  "facets": ["jf.filter/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "filter": {
    "filter": "mask",
    "methods": ["tools/call"],
    "phases": ["request"],
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["argument"],
      "properties": {
        "argument": {
          "type": "string",
          "minLength": 1,
          "maxLength": 64,
          "description": "The argument that is masked where it is a text"
        },
        "keep": {
          "type": "integer",
          "minimum": 0,
          "maximum": 100,
          "default": 4,
          "description": "How many characters at its end stay"
        }
      }
    }
  }
})json");
