// SPDX-License-Identifier: Apache-2.0
// Which answers of a server are kept for later calls, and which calls share one, as plain values.

/// What becomes of calls that ask the same as another one. Nothing is shared that is not named here.
public struct ReusePlan: Sendable, Equatable {
    /// Patterns over the server's own names and URIs: answers of these are kept.
    public var tools: [String] = []
    public var resources: [String] = []
    /// Tools whose calls give up what is kept, when they begin and when they end.
    public var clearedBy: [String] = []
    /// For how long at most, in nanoseconds.
    public var ttl: UInt64 = 30_000_000_000
    /// One answer serves every principal; else each has its own.
    public var isPublic = false
    /// Bytes of all kept answers together, with their keys; and of one.
    public var maxBytes = 16 << 20
    public var maxEntry = 1 << 20
    /// The tools named here are taken at the operator's word, not at their annotations'.
    public var allowsUnannotated = false
    /// Patterns: identical calls of these under way at the same time are one.
    public var coalescedTools: [String] = []
    public var coalescedResources: [String] = []

    public init() {}

    /// Nothing is kept or shared.
    public var isEmpty: Bool {
        tools.isEmpty && resources.isEmpty && coalescedTools.isEmpty && coalescedResources.isEmpty
    }
}

/// What may be done for one call.
enum Reuse: Sendable {
    /// It goes its own way.
    case none
    /// It may share a call that is under way.
    case join
    /// Beside that, its answer may serve later ones.
    case keep
}
