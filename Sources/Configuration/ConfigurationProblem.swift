// SPDX-License-Identifier: Apache-2.0
// What is wrong in a configuration file, where, and what was probably meant.

/// One finding in a configuration file. Its text never holds a value that came from `${env:…}` or
/// `${file:…}`.
public struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    /// Whether the file can be used in spite of the finding.
    public enum Severity: String, Sendable {
        /// The file is refused.
        case error
        /// The file is used; the writer should look.
        case warning
    }

    public let severity: Severity
    /// The file as its caller named it.
    public let file: String
    public let position: SourcePosition
    /// What is wrong and what to do, one sentence without a full stop.
    public let message: String
    /// The nearest valid spelling, where there is one.
    public let suggestion: String?

    /// Creates a finding.
    public init(
        _ severity: Severity, file: String, position: SourcePosition, message: String,
        suggestion: String? = nil
    ) {
        self.severity = severity
        self.file = file
        self.position = position
        self.message = message
        self.suggestion = suggestion
    }

    /// The line, from 1; 0 for the file as a whole.
    public var line: Int { position.line }
    /// The column, from 1; 0 for the file as a whole.
    public var column: Int { position.column }

    /// `file:line:column: error: message; did you mean "suggestion"?`
    public var description: String {
        var text = file
        if position != .none { text += ":\(position)" }
        text += ": \(severity.rawValue): \(message)"
        if let suggestion { text += "; did you mean \"\(suggestion)\"?" }
        return text
    }
}

/// Why a file could not be turned into a configuration: all its findings, in the order of the file.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// At least one of them is an error.
    public let problems: [ConfigurationProblem]

    /// One finding per line.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
