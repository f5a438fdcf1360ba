// SPDX-License-Identifier: Apache-2.0
// `jackfield plugin …`: what plugins there are, and what the loader thinks of them.

import Glibc
import JSON
import JackfieldCore

let pluginCommand: Command = Command(
    name: "plugin",
    summary: "make, list, inspect, check, document and exchange plugins",
    commands: [
        pluginNewCommand,
        pluginListCommand, pluginInspectCommand, pluginCheckCommand, pluginDocsCommand, pluginSwapCommand,
        pluginGenerationsCommand, pluginRestartCommand,
    ],
    examples: [
        Example("jackfield plugin new titles --facet toolset --lang c", "begin one of your own"),
        Example("jackfield plugin list", "what is installed"),
        Example("jackfield plugin inspect ./libacme.so", "before it is installed"),
        Example("jackfield plugin check ./libacme.so", "against the rules of the ABI"),
        Example("jackfield plugin docs transport-http", "how it is configured"),
        Example("jackfield plugin swap acme-auth ./acme_auth.so", "replace it in a running gateway"),
    ]
)

let pluginListCommand: Command = Command(
    name: "list",
    summary: "list the plugins that are found, and whether each can be loaded",
    details: """
        Looks into --plugin-dir, $JACKFIELD_PLUGIN_PATH (colons between), ../lib/jackfield/plugins beside \
        this program, ~/.local/lib/jackfield/plugins, /usr/local/lib/jackfield/plugins and \
        /usr/lib/jackfield/plugins. Where two have the same id, the first is used. PLACEMENT is where it runs \
        unless a configuration says otherwise: in process what was installed with this program, in a cell \
        (a process of its own) what was not.
        """,
    options: [CommonOptions.json, CommonOptions.pluginDirectories],
    examples: [
        Example("jackfield plugin list", "all of them"),
        Example(
            "jackfield plugin list --json | jq -r '.plugins[] | select(.loadable | not) | .path'",
            "those that are refused"),
    ]
) { arguments throws(UsageProblem) in
    let set = PluginSet(nil, extra: arguments.all("plugin-dir"), log: Log(level: .error))
    let reports = foundPlugins(set)
    if arguments.has("json") {
        let all = reports.map { report in
            var members = [JSONMemberValue("id", .string(report.name))]
            if let manifest = report.manifest {
                members += [
                    .init("version", .string(manifest.version)),
                    .init("facets", .array(manifest.facets.map { .string($0) })),
                    .init("provides", .array(manifest.provides.map { .string($0) })),
                    .init("threads", .string(manifest.threads.rawValue)),
                    .init("placement", .string(set.choice(manifest, report.path, nil).word)),
                    .init("placement_why", .string(set.choice(manifest, report.path, nil).text)),
                ]
            }
            members.append(.init("path", .string(report.path)))
            members.append(.init("loadable", .bool(report.isLoadable)))
            if let refusal = report.refusal { members.append(.init("refusal", .string(refusal.description))) }
            return JSONValue.object(members)
        }
        standardOutput.write(JSONValue.object([.init("plugins", .array(all))]).pretty() + "\n")
    } else {
        standardOutput.write(
            pluginTable(reports, width: terminalWidth(1), style: Style(descriptor: 1)))
    }
    return 0
}

/// Every candidate of the search path, rehearsed. One that another hides keeps that as its refusal.
func foundPlugins(_ plugins: PluginSet) -> [PluginVerdict] {
    plugins.candidates.map { candidate in
        if let refusal = candidate.refusal {
            return PluginVerdict(path: candidate.path, manifest: candidate.manifest, refusal: refusal)
        }
        let report = plugins.loader.inspect(candidate.path)
        return PluginVerdict(path: report.path, manifest: report.manifest, refusal: report.refusal)
    }
}

/// A plugin's file and what the loader says to it.
struct PluginVerdict {
    let path: String
    let manifest: PluginManifest?
    let refusal: PluginRefusal?

    var isLoadable: Bool { refusal == nil }
    /// Where it runs unless a configuration says otherwise.
    var placement: String {
        guard let manifest else { return "-" }
        return PlacementChoice(
            manifest, path: path, wish: nil, isPinned: false, installed: PluginLoader.installedPlugins()
        ).word
    }
    /// The manifest's id, else the file's name.
    var name: String { manifest?.id ?? String(path.split(separator: "/").last ?? "") }
}

func pluginTable(_ plugins: [PluginVerdict], width: Int?, style: Style) -> String {
    guard !plugins.isEmpty else { return "no plugins\n" }
    var table = Table(["PLUGIN", "VERSION", "FACETS", "THREADS", "PLACEMENT", "FILE", "VERDICT"])
    for plugin in plugins {
        let facets = (plugin.manifest?.facets ?? []).map(shortFacet)
        table.rows.append([
            plugin.name, plugin.manifest?.version ?? "-",
            facets.isEmpty ? "-" : facets.joined(separator: ","),
            plugin.manifest?.threads.rawValue ?? "-", plugin.placement, plugin.path,
            plugin.refusal.map { "refused at '\($0.stage)': \($0.message)" } ?? "ok",
        ])
    }
    return table.text(width: width, style: style)
}

/// `listener` for `jf.listener/1`.
private func shortFacet(_ facet: String) -> String {
    guard facet.hasPrefix("jf."), facet.hasSuffix("/1") else { return facet }
    return String(facet.dropFirst(3).dropLast(2))
}

let pluginInspectCommand: Command = Command(
    name: "inspect",
    summary: "tell everything about a plugin's file, and whether it would be loaded",
    details: """
        The file is read, copied and loaded in a child process, never in this one. A crash on record is \
        tried again. The exit status is 1 where the plugin would be refused.
        """,
    options: [CommonOptions.json, CommonOptions.pluginDirectories],
    positionals: [
        Positional(name: "FILE", kind: .file, summary: "a shared object, or the id of an installed plugin")
    ],
    examples: [
        Example("jackfield plugin inspect ./libacme.so", "a file"),
        Example("jackfield plugin inspect transport-http --json | jq -r .sha256", "the digest to pin it to"),
    ]
) { arguments throws(UsageProblem) in
    let plugins = PluginSet(nil, extra: arguments.all("plugin-dir"), log: Log(level: .error))
    let report = plugins.loader.inspect(pluginFile(arguments.positionals[0], plugins))
    let placement = report.manifest.map { plugins.choice($0, report.path, nil) }
    if arguments.has("json") {
        var json = report.json
        if let placement {
            json["placement"] = .string(placement.word)
            json["placement_why"] = .string(placement.text)
        }
        standardOutput.write(json.pretty() + "\n")
    } else {
        standardOutput.write(inspection(report, placement, style: Style(descriptor: 1)))
    }
    if let refusal = report.refusal, arguments.has("json") || !standardOutput.isTerminal {
        standardError.write("jackfield: \(printable(refusal.description))\n")
    }
    return report.isLoadable ? 0 : 1
}

/// A file as it was named, or the file of an installed plugin with that id.
private func pluginFile(_ name: String, _ plugins: PluginSet) -> String {
    guard !name.contains("/"), access(name, F_OK) != 0 else { return name }
    return plugins.candidates.first { $0.manifest?.id == name }?.path ?? name
}

private func inspection(_ report: PluginReport, _ placement: PlacementChoice?, style: Style) -> String {
    var pairs = [("Plugin", report.name)]
    func add(_ key: String, _ values: [String]) {
        if !values.isEmpty { pairs.append((key, values.joined(separator: ", "))) }
    }
    if let manifest = report.manifest {
        if !manifest.summary.isEmpty { pairs.append(("Summary", manifest.summary)) }
        pairs.append(("Version", "\(manifest.version), ABI \(manifest.abi)"))
        add("Facets", manifest.facets)
        add("Requires", manifest.requires)
        add("Optional", manifest.optional)
        add("Provides", manifest.provides)
        pairs.append(("Threads", manifest.threads.rawValue))
        if let placement {
            pairs.append(("Placement", placement.problem(manifest) ?? "\(placement.text), unless configured"))
        }
    }
    pairs.append(("File", report.path + (report.size > 0 ? " (\(sizeText(report.size)))" : "")))
    if let digest = report.digest { pairs.append(("SHA-256", digest.hex)) }
    if let image = report.image {
        pairs.append(("Machine", image.machine))
        add("Needs", image.needed)
        add("Run path", image.runPath)
        add("Own libraries", report.privateLibraries)
        add("Exports", image.exports.map(\.name))
        pairs.append(("Constructors", String(image.constructorCount)))
    }
    if let probe = report.probe {
        let effects =
            probe.sideEffects.isEmpty ? "no side effects" : probe.sideEffects.joined(separator: "; ")
        let time = milliseconds(UInt64(max(0, probe.milliseconds) * 1_000_000))
        pairs.append(("Rehearsal", "\(probe.outcome.rawValue) in \(time), \(effects)"))
    }
    if !report.findings.isEmpty {
        pairs.append(("Findings", report.findings.map(\.description).joined(separator: "\n")))
    }
    pairs.append(("Verdict", ""))
    let verdict = report.refusal.map { style.bad(printable($0.description)) } ?? style.good("can be loaded")
    return keyed(pairs, style: style, dressed: ["Verdict": verdict])
}
