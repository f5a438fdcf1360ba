// SPDX-License-Identifier: Apache-2.0
// `jackfield plugin docs`: a plugin's manifest and configuration schemas as Markdown.

import Glibc
import JSON
import JackfieldCore

let pluginDocsCommand: Command = Command(
    name: "docs",
    summary: "print a plugin's manual page as Markdown, made from its manifest",
    options: [CommonOptions.pluginDirectories],
    positionals: [Positional(name: "NAME", kind: .file, summary: "the id of an installed plugin, or a file")],
    examples: [Example("jackfield plugin docs transport-http", "its keys, types and defaults")]
) { arguments throws(UsageProblem) in
    let plugins = PluginSet(nil, extra: arguments.all("plugin-dir"), log: Log(level: .error))
    let name = arguments.positionals[0]
    let installed = plugins.candidates.first { $0.manifest?.id == name }
    if installed == nil, !name.contains("/"), access(name, F_OK) != 0 {
        let ids = plugins.candidates.compactMap(\.manifest?.id)
        let near = nearestSpelling(of: name, among: ids)
        report(
            "there is no plugin '\(name)'; "
                + (near.map { "did you mean '\($0)'?" } ?? "'jackfield plugin list' lists what there is"))
        return 1
    }
    let candidate = installed ?? plugins.loader.candidate(at: name)
    guard let manifest = candidate.manifest else {
        report(candidate.refusal?.description ?? "\(name) has no manifest")
        return 1
    }
    standardOutput.write(pluginPage(manifest))
    return 0
}

/// The manual page of a plugin.
func pluginPage(_ manifest: PluginManifest) -> String {
    var out = "# \(manifest.id) \(manifest.version)\n\n"
    if !manifest.summary.isEmpty {
        out += manifest.summary.hasSuffix(".") ? "\(manifest.summary)\n\n" : "\(manifest.summary).\n\n"
    }
    out += "| | |\n|---|---|\n"
    func row(_ key: String, _ values: [String]) {
        if !values.isEmpty { out += "| \(key) | \(values.map { "`\($0)`" }.joined(separator: ", ")) |\n" }
    }
    row("Facets", manifest.facets)
    row("Requires", manifest.requires)
    row("Uses where present", manifest.optional)
    row("Provides", manifest.provides)
    row("Threads", [manifest.threads.rawValue])
    if manifest.asksForCell { row("Placement", ["cell"]) }
    row("ABI", [manifest.abi.description])
    func part(_ title: String, _ text: String, _ schema: PluginManifest.Schema?) {
        out += "\n## \(title)\n\n\(text)\n\n" + schemaTable(schema?.source)
    }
    if let listener = manifest.listener {
        part("Listener", "An entry of `listeners` with `transport: \(listener.transport)`:", listener.config)
    }
    if let connector = manifest.connector {
        let keys = connector.keys.map { "`\($0)`" }.joined(separator: " or ")
        let schemes = connector.schemes.map { "`\($0)://`" }.joined(separator: " or ")
        var chosen = keys.isEmpty ? "" : " that has \(keys)"
        if !schemes.isEmpty {
            chosen += chosen.isEmpty ? " whose `url` begins with \(schemes)" : " (\(schemes))"
        }
        part("Connector", "An entry of `servers`\(chosen):", connector.config)
    }
    if let toolset = manifest.toolset {
        part("Toolset", "An entry of `servers` with `plugin: \(manifest.id)`:", toolset.config)
    }
    if let routing = manifest.routing {
        part("Routing", "The `routing` of a server with `strategy: \(routing.strategy)`:", routing.config)
    }
    for facet in ModuleFacet.allCases {
        guard let module = manifest.modules[facet] else { continue }
        let place =
            switch facet {
            case .auth: "An entry of `auth.providers`"
            case .policy: "An entry of `policies`"
            case .filter: "An entry of `filters`"
            case .credentials: "The `credentials` of a server"
            }
        let title = "\(facet)".prefix(1).uppercased() + "\(facet)".dropFirst()
        part(title, "\(place) with `\(facet.key): \(module.name)`:", module.config)
    }
    if let store = manifest.store {
        part("Store", "The block `store` with `kind: \(store.kind)`:", store.config ?? manifest.configSchema)
    } else if let config = manifest.configSchema {
        part("Plugin", "`config` of an entry of `plugins` with `id: \(manifest.id)`:", config)
    }
    return out
}

/// The properties of a schema, those of nested objects with a dot between.
func schemaTable(_ schema: JSONValue?) -> String {
    var rows: [String] = []
    if let schema { collect(schema, root: schema, prefix: "", into: &rows, depth: 0) }
    guard !rows.isEmpty else { return "No settings.\n" }
    var out = "| Key | Type | Default | |\n|---|---|---|---|\n" + rows.joined()
    if rows.contains(where: { $0.contains("_ms` |") }) {
        out +=
            "\nA key that ends in `_ms` may be written without that ending and with a unit: `timeout: 5s`.\n"
    }
    return out
}

private func collect(
    _ schema: JSONValue, root: JSONValue, prefix: String, into rows: inout [String], depth: Int
) {
    let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
    for member in schema["properties"]?.object ?? [] {
        let property = resolved(member.value, root)
        let key = prefix + member.key
        let isNested = property["properties"]?.object?.isEmpty == false && depth < 4
        if !isNested {
            let fallback = property["default"].map { "`\(escaped($0.description))`" }
            let need = required.contains(member.key) ? "required" : ""
            rows.append(
                "| `\(key)` | \(escaped(typeText(property))) | \(fallback ?? need) "
                    + "| \(escaped(property["description"]?.string ?? "")) |\n")
        } else {
            collect(property, root: root, prefix: key + ".", into: &rows, depth: depth + 1)
        }
    }
}

private func resolved(_ schema: JSONValue, _ root: JSONValue) -> JSONValue {
    guard let reference = schema["$ref"]?.string, reference.hasPrefix("#") else { return schema }
    return JSONPointer(String(reference.dropFirst()))?.find(in: root) ?? schema
}

/// `integer, 1 to 100`, `list of string`, `one of a, b`.
private func typeText(_ schema: JSONValue) -> String {
    if let choices = schema["enum"]?.array {
        return "one of " + choices.map { "`\($0.string ?? $0.description)`" }.joined(separator: ", ")
    }
    let names = schema["type"]?.string.map { [$0] } ?? (schema["type"]?.array ?? []).compactMap(\.string)
    let alternatives = (schema["anyOf"] ?? schema["oneOf"])?.array ?? []
    if names.isEmpty, !alternatives.isEmpty { return alternatives.map(typeText).joined(separator: " or ") }
    var text = names.isEmpty ? "any" : names.joined(separator: " or ")
    if names == ["array"] { text = "list of \(schema["items"].map(typeText) ?? "any")" }
    if names == ["object"], let values = schema["additionalProperties"], values.object != nil {
        text = "map to \(typeText(values))"
    }
    switch (schema["minimum"], schema["maximum"]) {
    case (let low?, let high?): text += ", \(low) to \(high)"
    case (let low?, nil): text += ", at least \(low)"
    case (nil, let high?): text += ", at most \(high)"
    default: break
    }
    if let pattern = schema["pattern"]?.string { text += ", like `\(pattern)`" }
    return text
}
