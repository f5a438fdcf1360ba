// SPDX-License-Identifier: Apache-2.0
// JSON-RPC and MCP error codes.

/// An error code on the wire. A struct, so that codes of later revisions can be carried without an update.
public struct ErrorCode: RawRepresentable, Equatable, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let parse = ErrorCode(rawValue: -32700)
    public static let invalidRequest = ErrorCode(rawValue: -32600)
    public static let methodNotFound = ErrorCode(rawValue: -32601)
    public static let invalidParams = ErrorCode(rawValue: -32602)
    public static let internalError = ErrorCode(rawValue: -32603)
    /// 2026-07-28: a mirrored header is missing, malformed or differs from the body.
    public static let headerMismatch = ErrorCode(rawValue: -32020)
    /// 2026-07-28: the request needs a capability that the client did not declare.
    public static let missingCapability = ErrorCode(rawValue: -32021)
    /// 2026-07-28: `data` holds `supported` and `requested`.
    public static let unsupportedVersion = ErrorCode(rawValue: -32022)
    /// Up to 2025-11-25: no such resource; must not be sent on a modern request.
    public static let resourceNotFound = ErrorCode(rawValue: -32002)
    /// 2025-11-25: the call needs URL elicitations first.
    public static let urlElicitationRequired = ErrorCode(rawValue: -32042)
    /// Ours (outside the reserved range): the request was cancelled before it ended.
    public static let cancelled = ErrorCode(rawValue: -32800)
    /// Ours: who asks is not known, or its credentials are not good (HTTP 401).
    public static let unauthorized = ErrorCode(rawValue: -31401)
    /// Ours: who asks may not do this (HTTP 403).
    public static let denied = ErrorCode(rawValue: -31403)
    /// Ours: who asks has had as much as it may for now (HTTP 429).
    public static let limited = ErrorCode(rawValue: -31429)
}
