// SPDX-License-Identifier: Apache-2.0
// A routing strategy: the same tool goes to the same endpoint, so that what the endpoint caches is of use.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<ByName>.entry(offer, why)
}

/// One server that uses the strategy, on one event loop.
struct ByName: StatefulRouting {
    /// So many failures in a row, and an endpoint is skipped.
    static let trip: UInt32 = 3

    private let seed: UInt64
    /// Failures since the last success, only where there were any.
    private var failures: [EndpointID: UInt32] = [:]

    init(server: String, configuration: JSONReader, host: Host) throws {
        seed = UInt64(clamping: configuration["seed"]?.integer ?? 0)
    }

    // MARK: On the path of every call: nothing here allocates

    func pick(_ call: borrowing RoutingCall, among endpoints: borrowing Endpoints) -> Int? {
        let count = endpoints.count
        let first = Int(hash(call.name) % UInt64(count))
        // Without failures, the usual case, there is nothing to look up.
        if failures.isEmpty { return first }
        for step in 0..<count {
            let index = (first + step) % count
            if failures[endpoints[index].id, default: 0] < ByName.trip { return index }
        }
        // All of them fail: no reason to prefer another.
        return first
    }

    /// FNV-1a, 64 bits.
    private func hash(_ name: Span<UInt8>) -> UInt64 {
        var hash = 14_695_981_039_346_656_037 ^ seed
        for index in name.indices { hash = (hash ^ UInt64(name[index])) &* 1_099_511_628_211 }
        return hash
    }

    mutating func observe(_ outcome: RoutingOutcome) {
        if outcome.failure == nil {
            if !failures.isEmpty { failures[outcome.endpoint] = nil }
        } else {
            let count = failures[outcome.endpoint, default: 0]
            failures[outcome.endpoint] = count == .max ? .max : count + 1
        }
    }

    // MARK: Handing over to the next generation

    /// "1\n", the version, and a line "ENDPOINT COUNT\n" for each that fails, ascending.
    func exportState() throws -> [UInt8] {
        var text = "1\n"
        for (endpoint, count) in failures.sorted(by: { $0.key < $1.key }) { text += "\(endpoint) \(count)\n" }
        return Array(text.utf8)
    }

    mutating func importState(_ state: [UInt8]) throws {
        guard let read = ByName.read(state) else { throw PluginError.invalid("the state is damaged") }
        failures = read
    }

    /// nil: anything but what `exportState` writes.
    private static func read(_ state: [UInt8]) -> [EndpointID: UInt32]? {
        var lines = state.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // Every line is ended, so that nothing stands behind the last one.
        guard lines.popLast()?.isEmpty == true, lines.first?.elementsEqual("1".utf8) == true else {
            return nil
        }
        var failures: [EndpointID: UInt32] = [:]
        var last: UInt64 = 0
        for line in lines.dropFirst() {
            let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard words.count == 2, let endpoint = number(words[0]), let count = number(words[1]),
                endpoint > last, let count = UInt32(exactly: count)
            else { return nil }
            failures[EndpointID(endpoint)] = count
            last = endpoint
        }
        return failures
    }

    /// A decimal number above 0 without leading zeros.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard let first = digits.first, first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self))
    }
}
