// SPDX-License-Identifier: Apache-2.0
// A plugin's manual page, made from its manifest.

import JSON
import JackfieldCore
import Testing

@testable import jackfield

private let manifest = """
    {"id":"acme","version":"1.2.0","abi":"1.0","summary":"Speaks acme","facets":["jf.connector/1"],
     "threads":"serial","connector":{"keys":["acme"],"schemes":["acme"],
     "config":{"type":"object","required":["acme"],
     "properties":{"acme":{"type":"string","description":"Where | it is"},
       "limits":{"type":"object","properties":{
         "wait_ms":{"type":"integer","minimum":1,"maximum":9,"default":5,"description":"How long"}}},
       "mode":{"enum":["a","b"],"default":"a"},"tags":{"type":"array","items":{"type":"string"}},
       "env":{"type":"object","additionalProperties":{"type":"string"}},
       "either":{"anyOf":[{"type":"string"},{"type":"integer"}]}}}}}
    """

@Suite struct PluginPageTests {
    @Test func rendersKeysTypesAndDefaults() throws {
        let page = pluginPage(try PluginManifest(parsing: Array(manifest.utf8)))
        #expect(page.hasPrefix("# acme 1.2.0\n\nSpeaks acme.\n"))
        let rows = [
            "| Threads | `serial` |",
            "An entry of `servers` that has `acme` (`acme://`):",
            "| `acme` | string | required | Where \\| it is |",
            "| `limits.wait_ms` | integer, 1 to 9 | `5` | How long |",
            "| `mode` | one of `a`, `b` | `\"a\"` |  |",
            "| `tags` | list of string |  |  |",
            "| `env` | map to string |  |  |",
            "| `either` | string or integer |  |  |",
            "A key that ends in `_ms` may be written without that ending",
        ]
        for row in rows { #expect(page.contains(row), "\(row)") }
    }

    @Test func saysWhenThereIsNothingToSet() {
        #expect(schemaTable(nil) == "No settings.\n")
        #expect(schemaTable(["type": "object", "properties": [:]]) == "No settings.\n")
    }
}
