// SPDX-License-Identifier: Apache-2.0
// The case file.selection: whether any entry of `servers` leads to a connector.

import JSON
import JackfieldCore

extension FileCase {
    /// A gateway finds a connector by the scheme of `url`, or by a member that is one of its keys. `url` alone as
    /// a key says nothing, and a key that the connector's own schema refuses can never stand in an entry.
    static func judgeSelection(_ manifest: PluginManifest, _ name: String) -> CheckResult {
        guard let connector = manifest.connector else { return CheckResult(name, .pass) }
        let own = connector.keys.filter { $0 != "url" }
        guard !connector.schemes.isEmpty || !own.isEmpty else {
            return CheckResult(
                name, .fail, "its connector has the key \"url\" and no scheme, so that no entry selects it",
                advice: "List in connector.schemes what its URLs begin with, or give it a key of its own.")
        }
        guard let schema = connector.config?.source else { return CheckResult(name, .pass) }
        let needed = own + (connector.schemes.isEmpty ? [] : ["url"])
        if let key = needed.first(where: { refuses(schema, $0) }) {
            return CheckResult(
                name, .fail,
                "entries with \"\(key)\" select it, but its schema connector.config forbids that member",
                advice: "Describe the member \(key) under `properties` of connector.config.")
        }
        return CheckResult(name, .pass)
    }

    /// Whether no object with this member can be valid; false where that is not plain to see.
    private static func refuses(_ schema: JSONValue, _ key: String) -> Bool {
        if let described = schema["properties"]?[key] { return described.bool == false }
        let mayAllow = ["patternProperties", "$ref", "allOf", "anyOf", "oneOf"]
        return schema["additionalProperties"]?.bool == false && mayAllow.allSatisfy { schema[$0] == nil }
    }
}
