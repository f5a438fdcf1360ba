// SPDX-License-Identifier: Apache-2.0
// A watched file descriptor on the instance's lane.

import CJackfield

/// What a watched descriptor is ready for. Edge-triggered: read or write until the system says "would block",
/// or no further call comes.
public struct Readiness: OptionSet, Sendable {
    /// The ABI's bits.
    public let rawValue: UInt32

    /// - Parameter rawValue: the ABI's bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// There is something to read, or to accept.
    public static let readable = Readiness(rawValue: UInt32(JF_READABLE))
    /// There is room to write.
    public static let writable = Readiness(rawValue: UInt32(JF_WRITABLE))
    /// The peer closed its writing side, or the descriptor failed. Comes without being asked for.
    public static let hangup = Readiness(rawValue: UInt32(JF_HANGUP))
    /// An error condition. Comes without being asked for.
    public static let broken = Readiness(rawValue: UInt32(JF_BROKEN))
}

/// What ``Host/watch(_:for:_:)`` returns. The host keeps it alive until it is stopped or the plugin is.
/// Confined to the lane.
public final class Watch {
    private let services: HostServices
    private var body: ((Readiness) -> Void)?
    var handle: jf_ref = 0

    init(_ services: HostServices, _ body: @escaping (Readiness) -> Void) {
        self.services = services
        self.body = body
    }

    /// Whether calls may still come.
    public var isActive: Bool { body != nil }

    /// Stops watching and releases the body; no call follows. Do it before the descriptor is closed. Harmless
    /// when it was stopped already. [lane]
    public func stop() {
        guard body != nil else { return }
        services.end(self)
        body = nil
    }

    func ready(_ events: UInt32) {
        let body = body
        body?(Readiness(rawValue: events))
    }
}
