/* SPDX-License-Identifier: Apache-2.0
 * What the gateway knows of the plugin before it loads it. */
#include <jackfield/base.h>

JF_MANIFEST(R"json({
  "id": "policy-office-hours",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Lets calls pass in office hours only",
  "facets": ["jf.policy/1"],
  "requires": ["jf.clock/1", "jf.config/1", "jf.loop/1", "jf.ops/1"],
  "optional": ["jf.log/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "policy": {
    "policy": "office-hours",
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "from": {
          "type": "integer",
          "minimum": 0,
          "maximum": 23,
          "default": 8,
          "description": "The hour when calls begin to pass"
        },
        "to": {
          "type": "integer",
          "minimum": 1,
          "maximum": 24,
          "default": 18,
          "description": "The hour when they end"
        },
        "zone_minutes": {
          "type": "integer",
          "minimum": -840,
          "maximum": 840,
          "default": 0,
          "description": "Minutes that the office's clock is ahead of UTC"
        },
        "on_call": {
          "type": "string",
          "minLength": 1,
          "default": "on-call",
          "description": "The role that may call at any time"
        }
      }
    }
  }
})json");
