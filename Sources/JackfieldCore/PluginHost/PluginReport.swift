// SPDX-License-Identifier: Apache-2.0
// What is known about a plugin's file without loading it here, for `plugin inspect` and `plugin list`.

import JSON

/// A file of the search path that may be a plugin.
public struct PluginCandidate: Sendable {
    /// After symbolic links.
    public let path: String
    /// Nil where it could not be read.
    public let manifest: PluginManifest?
    /// Why it cannot be loaded, as far as its name and manifest tell.
    public let refusal: PluginRefusal?

    /// The manifest's id, else the file name.
    public var name: String { manifest?.id ?? fileName(path) }
}

/// The facts about one plugin file and what `load` would say to it.
public struct PluginReport: Sendable, CustomStringConvertible {
    public internal(set) var path: String
    /// Bytes.
    public internal(set) var size: UInt64 = 0
    public internal(set) var manifest: PluginManifest?
    public internal(set) var image: ELFImage?
    /// SHA-256 of the file; of the whole bundle where it brings libraries of its own. To be used as a pin.
    public internal(set) var digest: SHA256Digest?
    /// Libraries found through `$ORIGIN` that are copied with it.
    public internal(set) var privateLibraries: [String] = []
    public internal(set) var stagedPath: String?
    public internal(set) var findings: [PluginFinding] = []
    public internal(set) var probe: ProbeVerdict?
    /// Why it would not be loaded; nil: it would.
    public internal(set) var refusal: PluginRefusal?

    init(path: String) { self.path = path }

    public var isLoadable: Bool { refusal == nil }

    /// The verdict in one line.
    public var description: String { refusal?.description ?? "plugin \(name) can be loaded" }

    /// The manifest's id, else the file name.
    public var name: String { manifest?.id ?? fileName(path) }

    /// For `--json`.
    public var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("path", .string(path)), ("size", JSONValue(size)), ("loadable", .bool(isLoadable)),
        ]
        if let refusal {
            members.append(
                (
                    "refusal",
                    [
                        "stage": .string(refusal.stage.name), "message": .string(refusal.message),
                        "advice": .string(refusal.advice),
                    ]
                ))
        }
        if let digest { members.append(("sha256", .string(digest.hex))) }
        if let manifest { members.append(("manifest", manifest.document)) }
        if let image {
            members += [
                ("machine", .string(image.machine)),
                ("needed", .array(image.needed.map { .string($0) })),
                ("runPath", .array(image.runPath.map { .string($0) })),
                ("exports", .array(image.exports.map { .string($0.name) })),
                ("constructors", JSONValue(image.constructorCount)),
                ("privateLibraries", .array(privateLibraries.map { .string($0) })),
            ]
        }
        members.append(
            (
                "findings",
                .array(
                    findings.map {
                        [
                            "severity": .string($0.severity.rawValue), "code": .string($0.code),
                            "text": .string($0.text),
                        ]
                    })
            ))
        if let probe { members.append(("probe", probe.json)) }
        return .object(members.map { JSONMemberValue($0.0, $0.1) })
    }
}
