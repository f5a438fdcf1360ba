// SPDX-License-Identifier: Apache-2.0
// `jackfield check`: all that can be known about a configuration without serving it.

import Configuration
import JSON
import JackfieldCore

let checkCommand: Command = Command(
    name: "check",
    summary: "find everything wrong in a configuration file, without serving it",
    details: """
        Reads the file and the references in it, finds the plugins it needs, rehearses them, and checks \
        what the file says to each against that plugin's schema. Every problem is one line on standard \
        error: FILE:LINE:COLUMN, what is wrong, and the nearest valid spelling.
        """,
    options: [
        CommonOptions.config(required: true, "the configuration file"),
        CommonOptions.json,
        CommonOptions.pluginDirectories,
    ],
    examples: [
        Example("jackfield check --config jackfield.yaml", "before a reload"),
        Example("jackfield check -c jackfield.yaml --json | jq '.problems[].message'", "for a program"),
    ]
) { arguments throws(UsageProblem) in
    let path = arguments.value("config") ?? ""
    let checked = CheckedFile(path, pluginDirectories: arguments.all("plugin-dir"))
    if arguments.has("json") {
        standardOutput.write(checked.json.pretty() + "\n")
    } else {
        let style = Style(descriptor: 2)
        for problem in checked.problems { standardError.write(checked.line(problem, style) + "\n") }
        if checked.isGood {
            standardOutput.write("\(printable(path)): ok (\(checked.contents))\n")
            for plugin in checked.placed where plugin.choice.reason != .firstParty {
                standardOutput.write("plugin \(plugin.manifest.id): \(plugin.choice.text)\n")
            }
        }
    }
    return checked.isGood ? 0 : 2
}

/// A configuration file with all findings about it.
struct CheckedFile {
    let path: String
    /// Nil where the file alone is not usable.
    let configuration: Configuration?
    /// Checked against the plugins, defaults filled in.
    let plan: GatewayPlan?
    let plugins: PluginSet?
    /// By position.
    let problems: [ConfigurationProblem]

    init(_ path: String, pluginDirectories: [String]) {
        self.path = path
        let parsed = Configuration.load(path: path)
        configuration = parsed.configuration
        guard let configuration else {
            plan = nil
            plugins = nil
            problems = parsed.problems
            return
        }
        var found = parsed.problems
        let set = PluginSet(configuration, extra: pluginDirectories, log: Log(level: .error))
        if set.choice.manifests.isEmpty {
            let places = set.loader.searchPath.joined(separator: ", ")
            found.append(
                configuration.problem(
                    at: .none, "no plugin was found in \(places); name another directory with --plugin-dir"))
        }
        let (checked, wrong) = set.choice.check(set.identified(GatewayPlan(configuration), configuration))
        found += wrong.map { problem in
            let placed = located(problem, configuration)
            // Without a line, its path inside the configuration is the place.
            return placed.position == .none
                ? configuration.problem(at: .none, problem.description) : placed
        }
        if let lock = configuration.lock,
            case .failure(let unusable) = LockFile.plan(lock, configuration)
        {
            found.append(unusable.problem)
        }
        found += set.misplaced(checked, configuration)
        found += CheckedFile.refusals(of: checked, set, configuration)
        plan = set.settled(checked)
        plugins = set
        problems = found.withoutRepeats.sorted { $0.position < $1.position }
    }

    /// Plugins that the plan needs and the loader would refuse.
    private static func refusals(
        of plan: GatewayPlan, _ plugins: PluginSet, _ configuration: Configuration
    ) -> [ConfigurationProblem] {
        var found: [ConfigurationProblem] = []
        for entry in configuration.plugins where entry.enabled {
            guard let file = entry.file else { continue }
            let path = file.hasPrefix("/") ? file : configuration.folder + "/" + file
            guard let refusal = plugins.loader.candidate(at: path).refusal else { continue }
            found.append(configuration.problem(at: entry.position, refusal.description))
        }
        for id in plugins.choice.needed(plan) {
            guard
                let candidate = plugins.candidates.first(where: { $0.manifest?.id == id && $0.refusal == nil }
                ),
                let refusal = plugins.loader.inspect(candidate.path).refusal
            else { continue }
            let entry = configuration.plugins.first {
                $0.id == id || $0.file.map(candidate.path.hasSuffix) == true
            }
            found.append(configuration.problem(at: entry?.position ?? .none, refusal.description))
        }
        return found
    }

    /// Where the plugins run that it needs.
    var placed: [PlacedPlugin] { plan.flatMap { plugins?.placed($0) } ?? [] }

    var isGood: Bool { !problems.contains { $0.severity == .error } }

    /// `3 servers, 1 bundle, 2 listeners`.
    var contents: String {
        guard let configuration else { return "not readable" }
        let off = configuration.servers.filter { !$0.enabled }.count
        var parts = [counted(configuration.servers.count - off, "server")]
        if off > 0 { parts.append("\(off) switched off") }
        if !configuration.bundles.isEmpty { parts.append(counted(configuration.bundles.count, "bundle")) }
        parts.append(counted(configuration.listeners.count, "listener"))
        return parts.joined(separator: ", ")
    }

    func line(_ problem: ConfigurationProblem, _ style: Style) -> String {
        let text = printable(problem.description)
        let word = "\(problem.severity.rawValue):"
        guard style.isOn, let range = text.firstRange(of: " \(word) ") else { return text }
        let coloured = problem.severity == .error ? style.bad(word) : style.wary(word)
        return text[..<range.lowerBound] + " " + coloured + " " + text[range.upperBound...]
    }

    var json: JSONValue {
        [
            "file": .string(path), "ok": .bool(isGood),
            "servers": configuration.map { JSONValue($0.servers.filter(\.enabled).count) } ?? nil,
            "plugins": .array(
                placed.map {
                    [
                        "id": .string($0.manifest.id), "placement": .string($0.choice.word),
                        "why": .string($0.choice.text),
                    ]
                }),
            "problems": .array(
                problems.map { problem in
                    var members: [JSONMemberValue] = [
                        .init("severity", .string(problem.severity.rawValue)),
                        .init("line", JSONValue(problem.line)), .init("column", JSONValue(problem.column)),
                        .init("message", .string(problem.message)),
                    ]
                    if let suggestion = problem.suggestion {
                        members.append(.init("suggestion", .string(suggestion)))
                    }
                    return .object(members)
                }),
        ]
    }
}

/// `1 server`, `2 servers`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
