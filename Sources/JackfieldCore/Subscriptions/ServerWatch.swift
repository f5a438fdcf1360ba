// SPDX-License-Identifier: Apache-2.0
// What all lanes together want to hear of one server's resources: kept on the server's home lane.

/// One server's subscribed resources. Belongs to its home lane.
final class ServerWatch {
    struct Entry {
        /// Lanes on which somebody subscribed.
        var lanes: Set<Int> = []
        /// Those that have not heard yet whether the server agreed.
        var untold: Set<Int> = []
        var isConfirmed = false
        /// By endpoint.
        var refusals: [Int: InterestRefusal] = [:]
    }

    enum Answer { case known, pending, new }

    private(set) var entries: [String: Entry] = [:]
    /// Given up a moment ago: the server may still tell of them, which is no news to others.
    private var recent: Set<String> = []
    /// How many resources each lane wants.
    private var interests: [Int: Int] = [:]

    var isEmpty: Bool { entries.isEmpty }

    func wants(_ uri: String) -> Bool { entries[uri] != nil }

    /// Lanes with any interest at all.
    var lanes: Set<Int> { Set(interests.keys) }

    /// A lane wants a resource: whether the server agreed already, was asked, or has to be asked.
    func want(_ uri: String, lane: Int) -> Answer {
        var entry = entries[uri] ?? Entry()
        if entry.lanes.insert(lane).inserted { interests[lane, default: 0] += 1 }
        defer { entries[uri] = entry }
        if entry.isConfirmed { return .known }
        entry.untold.insert(lane)
        let isNew = entry.lanes.count == 1 || !entry.refusals.isEmpty
        entry.refusals = [:]
        return isNew ? .new : .pending
    }

    /// A lane wants it no longer. True when it was the last.
    func release(_ uri: String, lane: Int) -> Bool {
        guard var entry = entries[uri], entry.lanes.remove(lane) != nil else { return false }
        entry.untold.remove(lane)
        interests[lane, default: 1] -= 1
        if interests[lane] == 0 { interests[lane] = nil }
        entries[uri] = entry.lanes.isEmpty ? nil : entry
        if entry.lanes.isEmpty { recent.insert(uri) }
        return entry.lanes.isEmpty
    }

    /// Enough time went by for the server to have heard that these are given up.
    func forget(_ uris: [String]) { recent.subtract(uris) }

    /// An endpoint agreed. Returns the lanes that wait to hear so.
    func confirm(_ uri: String) -> Set<Int> {
        guard var entry = entries[uri] else { return [] }
        defer { entries[uri] = entry }
        entry.isConfirmed = true
        defer { entry.untold = [] }
        return entry.untold
    }

    /// An endpoint refused. Returns the lanes that wait to hear so, once every one in `endpoints` did.
    func refuse(_ uri: String, endpoint: Int, _ refusal: InterestRefusal, of endpoints: [Int]) -> Set<Int> {
        guard var entry = entries[uri], !entry.isConfirmed else { return [] }
        defer { entries[uri] = entry }
        entry.refusals[endpoint] = refusal
        guard endpoints.allSatisfy({ entry.refusals[$0] != nil }) else { return [] }
        defer { entry.untold = [] }
        return entry.untold
    }

    /// Subscribed URIs that a changed one concerns, and the lanes to tell; no URIs: nothing matched, and everybody who
    /// subscribed to anything of this server is told.
    func concerned(by uri: String) -> (uris: [String], lanes: Set<Int>) {
        let uris = ResourcePath.covering(uri) { entries[$0] != nil }
        if uris.isEmpty {
            return ([], ResourcePath.covering(uri) { recent.contains($0) }.isEmpty ? lanes : [])
        }
        return (uris, uris.reduce(into: []) { $0.formUnion(entries[$1]?.lanes ?? []) })
    }
}
