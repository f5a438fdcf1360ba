// SPDX-License-Identifier: Apache-2.0
// Why a plugin was not loaded, and what was found on the way.

/// A plugin that the host does not load: where in the pipeline, which one, why, and what to do.
///
/// Printed as ``plugin routing-x refused at 'probe': crashed with SIGSEGV in 12 ms; run 'jackfield plugin
/// inspect FILE'``.
public struct PluginRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// A step of the load pipeline. A struct, so that steps can be added.
    public struct Stage: Sendable, Hashable, CustomStringConvertible {
        public let name: String
        /// Finding the file: path, owner, mode, duplicates.
        public static let find = Stage(name: "find")
        /// Reading the bytes as an ELF shared library for this machine.
        public static let elf = Stage(name: "elf")
        /// The manifest note: absent, not JSON, wrong shape, wrong ABI.
        public static let manifest = Stage(name: "manifest")
        /// What the operator allows: allow-list, deny-list, pins, libraries.
        public static let policy = Stage(name: "policy")
        /// Services that it requires and nobody offers.
        public static let services = Stage(name: "services")
        /// Properties of the library that would harm the host.
        public static let lint = Stage(name: "lint")
        /// The private copy.
        public static let stage = Stage(name: "stage")
        /// The rehearsal in a child process.
        public static let probe = Stage(name: "probe")
        /// dlopen.
        public static let open = Stage(name: "open")
        /// What loading changed in the process.
        public static let sideEffects = Stage(name: "side-effects")
        /// `jf_entry_1` answered NULL.
        public static let entry = Stage(name: "entry")
        /// The table that `jf_entry_1` returned.
        public static let table = Stage(name: "table")

        init(name: String) { self.name = name }
        public var description: String { name }
    }

    public let stage: Stage
    /// The manifest's id where it could be read, else the file name.
    public let plugin: String
    /// One clause: what happened.
    public let message: String
    /// One clause: what to do.
    public let advice: String

    public init(_ stage: Stage, plugin: String, _ message: String, advice: String) {
        self.stage = stage
        self.plugin = plugin
        self.message = message
        self.advice = advice
    }

    public var description: String { "plugin \(plugin) refused at '\(stage)': \(message); \(advice)" }
}

/// Something that the checks noticed about a plugin, for `plugin inspect` and the log.
public struct PluginFinding: Sendable, Equatable, CustomStringConvertible {
    public enum Severity: String, Sendable { case note, warning, error }

    public let severity: Severity
    /// A stable short name ("executable-stack").
    public let code: String
    /// What is so, and what to do about it.
    public let text: String

    public init(_ severity: Severity, _ code: String, _ text: String) {
        self.severity = severity
        self.code = code
        self.text = text
    }

    public var description: String { "\(severity.rawValue): \(text) [\(code)]" }
}

/// How important a line to the log is.
public enum PluginLogLevel: String, Sendable { case debug, info, warning, error }

/// Takes the pipeline's log lines: called on the thread that loads.
public typealias PluginLog = (_ level: PluginLogLevel, _ text: String) -> Void
