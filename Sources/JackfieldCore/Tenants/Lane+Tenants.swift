// SPDX-License-Identifier: Apache-2.0
// Tenants beside policies: what the lane asks of both.

extension Lane {
    /// Whether lists, subscriptions and tasks depend on who asks.
    var isGuarded: Bool { !modules.policies.isEmpty || modules.tenants != nil }

    /// Whether a server is there at all, as far as somebody's tenant is concerned.
    @inline(__always)
    func sees(_ caller: Principal, _ server: Server) -> Bool {
        modules.tenants.map { $0.shows(server, to: caller) } ?? true
    }
}
