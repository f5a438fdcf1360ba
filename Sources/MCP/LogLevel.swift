// SPDX-License-Identifier: Apache-2.0
// The eight severities of log messages (RFC 5424, as MCP names them).

import JSON

/// A severity, from the chattiest to the gravest.
public enum LogLevel: UInt8, Sendable, Comparable, CaseIterable {
    case debug = 0, info, notice, warning, error, critical, alert, emergency

    public var text: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        case .alert: "alert"
        case .emergency: "emergency"
        }
    }

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    /// The severity that a string of a message names; nil for anything else.
    public init?(_ node: JSONNode?) {
        guard let node, node.kind == .string,
            let known = LogLevel.allCases.first(where: { node.equals($0.text) })
        else { return nil }
        self = known
    }
}
