// SPDX-License-Identifier: Apache-2.0
// Cases of the group file: what the plugin's file shows without loading it.

import CJackfield
import JSON
import JackfieldCore

/// A case that needs nothing but the bytes of the file.
struct FileCase: Sendable {
    let description: CheckCase
    let judge: @Sendable (CheckSubject) -> CheckResult

    private init(
        _ name: String, _ summary: String, isGate: Bool = false,
        _ judge: @escaping @Sendable (CheckSubject, String) -> CheckResult
    ) {
        description = CheckCase(name: name, summary: summary, facet: nil, isGate: isGate)
        self.judge = { judge($0, name) }
    }

    static let all: [FileCase] = [
        FileCase("file.elf", "it is a shared library for this machine", isGate: true) { subject, name in
            guard subject.image == nil else { return CheckResult(name, .pass) }
            return CheckResult(
                name, .fail, subject.fault,
                advice: "Build it with -shared for this machine, or fetch it again.")
        },
        lint("file.stack", "it leaves the stack alone", ["executable-stack"]),
        lint("file.code", "its code is not writable", ["writable-code", "text-relocations"]),
        lint(
            "file.linking", "it is linked so that it loads anywhere",
            ["not-openable", "relative-run-path", "needed-path", "static-tls", "unique-symbols"]),
        lint("file.entry", "it exports the entry function", ["no-entry"], isGate: true),
        lint("file.exports", "it exports nothing but its entry function", ["extra-exports"], failing: true),
        FileCase("file.manifest", "it has a manifest that can be read", isGate: true) { subject, name in
            guard subject.manifest == nil else { return CheckResult(name, .pass) }
            return CheckResult(
                name, .fail, subject.fault, advice: "Correct the JF_MANIFEST in one of its source files.")
        },
        FileCase("file.abi", "its manifest names an ABI of this host", isGate: true) { subject, name in
            guard let abi = subject.manifest?.abi, abi.major != Int(JF_ABI_MAJOR) else {
                return CheckResult(name, .pass)
            }
            return CheckResult(
                name, .fail, "its manifest says ABI \(abi); this host speaks \(JF_ABI_MAJOR).\(JF_ABI_MINOR)",
                advice:
                    "Write \"abi\": \"\(JF_ABI_MAJOR).\(JF_ABI_MINOR)\" and build it with the headers of that ABI."
            )
        },
        FileCase("file.services", "its services are known and listed once") { judgeServices($0, $1) },
        FileCase("file.schemas", "its schemas agree with their own defaults") { judgeSchemas($0, $1) },
        FileCase("file.selection", "a server's entry can select its connector") { subject, name in
            subject.manifest.map { judgeSelection($0, name) }
                ?? CheckResult(name, .skip, "it has no manifest")
        },
    ]

    /// Findings of the loader's own lint. `failing`: what it only warns of is a fault here.
    private static func lint(
        _ name: String, _ summary: String, _ codes: Set<String>, isGate: Bool = false, failing: Bool = false
    ) -> FileCase {
        FileCase(name, summary, isGate: isGate) { subject, name in
            guard let image = subject.image else {
                return CheckResult(name, .skip, "its file cannot be read")
            }
            let found = ELFLint.check(image).filter { codes.contains($0.code) }
            guard let worst = found.first(where: { $0.severity == .error }) ?? found.first else {
                return CheckResult(name, .pass)
            }
            // "what is so: what to do" is how findings are written.
            let parts = worst.text.split(separator: ": ", maxSplits: 1).map(String.init)
            let advice = parts.count == 2 ? sentence(parts[1]) : "Link it as the guide for integrators says."
            let isFault = worst.severity == .error || failing
            return CheckResult(
                name, isFault ? .fail : .warn, parts.count == 2 ? parts[0] : worst.text, advice: advice)
        }
    }

    private static func sentence(_ clause: String) -> String {
        clause.prefix(1).uppercased() + clause.dropFirst() + "."
    }

    private static func judgeServices(_ subject: CheckSubject, _ name: String) -> CheckResult {
        guard let manifest = subject.manifest else { return CheckResult(name, .skip, "it has no manifest") }
        if let both = manifest.requires.first(where: { manifest.optional.contains($0) }) {
            return CheckResult(
                name, .fail, "its manifest lists \(both) as required and as optional",
                advice: "Decide whether it works without it.")
        }
        if let own = manifest.provides.first(where: { manifest.requires.contains($0) }) {
            return CheckResult(
                name, .fail, "its manifest provides \(own) and requires it", advice: "Take it off `requires`."
            )
        }
        let offered =
            hostServices + [JF_CONNECTED_1, JF_IDENTITY_1, JF_POLICIES_1, JF_STATE_1, JF_WATCHES_1]
        let strange = manifest.requires.filter {
            !offered.contains($0) && !manifest.provides.contains($0)
        }
        guard let strange = strange.first else { return CheckResult(name, .pass) }
        return CheckResult(
            name, .warn, "it requires \(strange), which the host does not offer by itself",
            advice: "Say in its documentation which plugin offers it.")
    }

    private static func judgeSchemas(_ subject: CheckSubject, _ name: String) -> CheckResult {
        guard let manifest = subject.manifest else { return CheckResult(name, .skip, "it has no manifest") }
        for part in CheckInputs.attachedParts + ["store"] {
            guard let source = manifest.document[part]?["config"] else { continue }
            guard (try? JSONSchema(source)) != nil else {
                return CheckResult(
                    name, .fail, "its schema \(part).config is no JSON Schema",
                    advice: "Write a JSON Schema of the options.")
            }
            if let fault = wrongDefault(source, root: source, place: "\(part).config") {
                return CheckResult(
                    name, .fail, fault, advice: "A default must be allowed by the schema that it stands in.")
            }
        }
        let schemas = [
            ("config", manifest.configSchema), ("listener.config", manifest.listener?.config),
            ("connector.config", manifest.connector?.config), ("toolset.config", manifest.toolset?.config),
            ("routing.config", manifest.routing?.config),
        ]
        var open: String?
        for case (let place, let schema?) in schemas {
            if let fault = wrongDefault(schema.source, root: schema.source, place: place) {
                return CheckResult(
                    name, .fail, fault, advice: "A default must be allowed by the schema that it stands in.")
            }
            if schema.source["type"]?.string == "object", schema.source["additionalProperties"] == nil {
                open = open ?? place
            }
        }
        guard let open else { return CheckResult(name, .pass) }
        return CheckResult(
            name, .warn, "its schema \(open) allows members of any name, so that misspelt ones go unnoticed",
            advice: "Add \"additionalProperties\": false.")
    }

    private static func wrongDefault(_ schema: JSONValue, root: JSONValue, place: String) -> String? {
        if let standard = schema["default"] {
            var alone = schema
            for definitions in ["$defs", "definitions"] where alone[definitions] == nil {
                alone[definitions] = root[definitions]
            }
            if let violation = (try? JSONSchema(alone))?.validate(standard).first {
                return
                    "the default \(standard) in its schema \(place) is against that schema: \(violation.message)"
            }
        }
        for member in schema["properties"]?.object ?? [] {
            if let fault = wrongDefault(member.value, root: root, place: place + "." + member.key) {
                return fault
            }
        }
        return nil
    }
}
