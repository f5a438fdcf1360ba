// SPDX-License-Identifier: Apache-2.0
// Which plugins the operator lets in.

import CLinux
import Glibc

/// The operator's rules. Plugins are named by id or by file (as given, resolved, or just the file name).
public struct PluginPolicy: Sendable, Equatable {
    /// Only these; nil: all that are not denied.
    public var allow: [String]?
    /// Never these. Digests of 12 to 64 hexadecimal digits may stand here, too.
    public var deny: [String] = []
    /// What SHA-256 a plugin must have: 64 hexadecimal digits, or at least the first 12 of them, optionally
    /// followed by "…". Where a plugin brings libraries of its own, the digest that `plugin inspect` shows
    /// covers them.
    public var pins: [String: String] = [:]
    /// Refuse plugins without a pin.
    public var requiresPins = false
    /// Refuse plugins that change signals, locale, descriptors and the like when they are loaded, instead of
    /// putting things back with a warning.
    public var refusesSideEffects = false
    /// Only these libraries may be needed (DT_NEEDED); nil: any.
    public var libraries: [String]?
    /// Load each new plugin in a child process first.
    public var probes = true

    public init() {}

    /// Fewest hexadecimal digits of a short pin: 48 bits.
    public static let shortestPin = 12

    /// Checks names. Nil: let in; else why not.
    func objection(id: String, path: String) -> (text: String, advice: String)? {
        if deny.contains(where: { PluginPolicy.names($0, id, path) }) {
            return ("the configuration denies it", "take it off the deny-list to use it")
        }
        if let allow, !allow.contains(where: { PluginPolicy.names($0, id, path) }) {
            return ("it is not on the allow-list", "add '\(id)' to the allow-list to use it")
        }
        return nil
    }

    /// Checks the digest. Nil: let in; else why not.
    func objection(id: String, path: String, staged: StagedPlugin) -> (text: String, advice: String)? {
        let hex = staged.digest.hex
        for entry in deny {
            if let digits = PluginPolicy.digits(entry), hex.hasPrefix(digits) {
                return ("the configuration denies its digest \(hex)", "take it off the deny-list to use it")
            }
        }
        let own = pins.filter { PluginPolicy.names($0.key, id, path) }.sorted { $0.key < $1.key }
        for pin in own {
            guard let digits = PluginPolicy.digits(pin.value) else {
                return (
                    "its sha256 pin '\(pin.value)' is not 64 hexadecimal digits, or the first "
                        + "\(PluginPolicy.shortestPin) or more of them",
                    "pin it to \(hex)"
                )
            }
            guard hex.hasPrefix(digits) else {
                let covers =
                    staged.privateLibraries.isEmpty
                    ? "" : " (with its libraries \(staged.privateLibraries.joined(separator: ", ")))"
                return (
                    "its SHA-256\(covers) is \(hex), but it is pinned to \(digits)",
                    "restore the file, or change the pin if you trust the new one"
                )
            }
        }
        if requiresPins, own.isEmpty {
            return ("it has no sha256 pin, and pins are required", "pin it to \(hex)")
        }
        return nil
    }

    /// Checks the libraries that it needs. Nil: let in; else why not.
    func objection(needed: [String]) -> (text: String, advice: String)? {
        guard let libraries else { return nil }
        let others = needed.filter { !libraries.contains($0) }
        guard !others.isEmpty else { return nil }
        return (
            "it needs \(others.joined(separator: ", ")), which the configuration does not allow",
            "add \(others.count == 1 ? "it" : "them") to the allowed libraries"
        )
    }

    private static func names(_ entry: String, _ id: String, _ path: String) -> Bool {
        if entry == id || entry == path { return true }
        if !entry.contains("/") { return entry == fileName(path) }
        guard let real = resolvedPath(entry) else { return false }
        return real == path || real == resolvedPath(path)
    }

    private static func digits(_ pin: String) -> String? {
        var text = pin[...]
        for ending in ["…", "..."] where text.hasSuffix(ending) { text = text.dropLast(ending.count) }
        guard (shortestPin...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ hexadecimalValue($0) != nil })
        else { return nil }
        return text.lowercased()
    }
}

/// Where plugins are looked for.
public enum PluginSearchPath {
    /// The configured directories first, then those of `$JACKFIELD_PLUGIN_PATH` (colons between; ignored when
    /// the process was started with raised privileges), then `../lib/jackfield/plugins` beside the program,
    /// the user's own and the system's.
    public static func standard(configured: [String] = []) -> [String] {
        var path = configured
        let trustsEnvironment = jf_is_privileged() == 0
        if trustsEnvironment, let more = environmentVariable("JACKFIELD_PLUGIN_PATH") {
            path += more.split(separator: ":").map(String.init)
        }
        if let program = resolvedPath("/proc/self/exe") {
            path.append(directoryName(directoryName(program)) + "/lib/jackfield/plugins")
        }
        if trustsEnvironment, let home = environmentVariable("HOME"), home.hasPrefix("/") {
            path.append(home + "/.local/lib/jackfield/plugins")
        }
        path += ["/usr/local/lib/jackfield/plugins", "/usr/lib/jackfield/plugins"]
        var seen: Set<String> = []
        return path.filter { seen.insert($0).inserted }
    }
}
