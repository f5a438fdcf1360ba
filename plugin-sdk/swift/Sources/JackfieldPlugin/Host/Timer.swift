// SPDX-License-Identifier: Apache-2.0
// A one-shot timer on the instance's lane.

import CJackfield

/// What ``Host/after(_:_:)`` returns. It fires once or is canceled; the host keeps it alive until then.
/// Confined to the lane.
public final class Timer {
    private let services: HostServices
    private var body: (() -> Void)?
    var handle: jf_ref = 0

    init(_ services: HostServices, _ body: @escaping () -> Void) {
        self.services = services
        self.body = body
    }

    /// Whether it will still fire.
    public var isArmed: Bool { body != nil }

    /// Lets go of the body without running it. Harmless when the timer is over. [lane]
    public func cancel() {
        guard body != nil else { return }
        services.disarm(self, isFired: false)
        body = nil
    }

    func fire() {
        services.disarm(self, isFired: true)
        let body = body
        self.body = nil
        body?()
    }
}
