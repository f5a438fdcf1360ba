// SPDX-License-Identifier: Apache-2.0
// How many retries a server's calls have earned, so that retries never become a storm.

import Synchronization

/// A token bucket: each call pays in a part of a retry, each retry takes a whole one out. A few are there from the
/// beginning and nothing is saved beyond a hundred (the scheme of Finagle's retry budget).
final class RetryBudget: Sendable {
    private static let whole = 100
    private static let most = 100 * whole

    private let share: Int
    private let balance = Atomic<Int>(10 * whole)

    /// - Parameter percent: retries for each hundred calls.
    init(percent: Int) { share = percent }

    func deposit() {
        if balance.load(ordering: .relaxed) < Self.most { balance.add(share, ordering: .relaxed) }
    }

    /// False: there is nothing left.
    func withdraw() -> Bool {
        let left = balance.subtract(Self.whole, ordering: .relaxed).newValue
        if left >= 0 { return true }
        balance.add(Self.whole, ordering: .relaxed)
        return false
    }

    /// What was taken out was not used.
    func giveBack() { balance.add(Self.whole, ordering: .relaxed) }

    /// Whole retries that are left.
    var left: Int { max(0, balance.load(ordering: .relaxed)) / Self.whole }
}
