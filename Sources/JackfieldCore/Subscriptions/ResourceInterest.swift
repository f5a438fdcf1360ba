// SPDX-License-Identifier: Apache-2.0
// Which resources somebody on this lane subscribed to, by server and URI: its home lane hears of first and last ones.

/// One place among an interest's holders.
struct InterestHolder {
    let holder: ResourceHolder
    /// Index into the holder's `resources`.
    var index: Int32
}

/// A resource of one server that somebody on this lane subscribed to.
final class ResourceInterest {
    unowned let server: ServerInterest
    /// The server's own spelling.
    let uri: String
    var holders: ContiguousArray<InterestHolder> = []
    /// The server confirmed it.
    var isConfirmed = false

    init(_ server: ServerInterest, _ uri: String) {
        self.server = server
        self.uri = uri
    }
}

/// Everything of one server that somebody on this lane subscribed to. Kept by name: a changed configuration puts
/// another server into its place.
final class ServerInterest {
    let name: String
    /// Whose home lane knows of it.
    var server: Server
    fileprivate(set) var resources: [String: ResourceInterest] = [:]
    /// What the home lane has yet to hear: wanted from now on, or no longer.
    var news: [String: Bool] = [:]

    init(_ server: Server) {
        name = server.name
        self.server = server
    }
}

/// The interests of one lane.
final class InterestTable {
    private(set) var servers: [String: ServerInterest] = [:]
    /// Subscriptions of all holders together.
    private(set) var count = 0

    /// Enters a holder. The interest is news for the home lane when it is the first.
    func join(_ holder: ResourceHolder, _ server: Server, _ uri: String, shown: String?) {
        let own: ServerInterest
        if let known = servers[server.name] {
            own = known
        } else {
            own = ServerInterest(server)
            servers[server.name] = own
        }
        let interest: ResourceInterest
        if let known = own.resources[uri] {
            interest = known
        } else {
            interest = ResourceInterest(own, uri)
            own.resources[uri] = interest
            own.news[uri] = true
        }
        let index = holder.append(
            ResourceSubscription(interest: interest, shown: shown, isConfirmed: interest.isConfirmed))
        holder.setPlace(interest.holders.count, at: index)
        interest.holders.append(InterestHolder(holder: holder, index: Int32(index)))
        count += 1
    }

    /// Takes one of a holder's subscriptions out.
    func leave(_ holder: ResourceHolder, at index: Int) {
        let interest = holder.resources[index].interest
        let place = Int(holder.resources[index].place)
        let last = interest.holders.removeLast()
        if place < interest.holders.count {
            interest.holders[place] = last
            last.holder.setPlace(place, at: Int(last.index))
        }
        count -= 1
        let isLast = interest.holders.isEmpty
        let server = interest.server
        let uri = interest.uri
        holder.remove(at: index)
        if isLast {
            server.news[uri] = false
            server.resources[uri] = nil
        }
    }

    func leaveAll(_ holder: ResourceHolder) {
        while !holder.resources.isEmpty { leave(holder, at: holder.resources.count - 1) }
    }

    func interest(_ server: String, _ uri: String) -> ResourceInterest? { servers[server]?.resources[uri] }

    /// What home lanes have yet to hear; forgotten here. Servers that nobody is interested in any more go.
    func takeNews() -> [(server: Server, news: [String: Bool])] {
        var all: [(server: Server, news: [String: Bool])] = []
        for own in servers.values where !own.news.isEmpty {
            all.append((own.server, own.news))
            own.news = [:]
        }
        for (server, _) in all where servers[server.name]?.resources.isEmpty == true {
            servers[server.name] = nil
        }
        return all
    }

    /// Another server took the place of one: everything is news to it.
    func follow(_ server: Server) {
        guard let own = servers[server.name], own.server !== server else { return }
        own.server = server
        own.news = own.resources.mapValues { _ in true }
    }
}

/// Which subscribed URIs a changed one concerns: itself, and what it is a part of (2026-07-28: an update may name a
/// sub-resource).
enum ResourcePath {
    /// Parts looked at beyond the URI itself; enough for every real path, and a bound for a made-up one.
    private static let deepest = 64

    /// Subscribed URIs that equal `uri`, or are its beginning up to a `/`, `?` or `#`; the longest first.
    static func covering(_ uri: String, isSubscribed: (String) -> Bool) -> [String] {
        var found: [String] = []
        if isSubscribed(uri) { found.append(uri) }
        let bytes = Array(uri.utf8)
        var parts = 0
        var at = bytes.count - 1
        while at >= 0, parts < deepest {
            if bytes[at] == 47 || bytes[at] == 63 || bytes[at] == 35 {
                parts += 1
                for end in [at + 1, at] where end > 0 && end < bytes.count {
                    let head = String(decoding: bytes[..<end], as: UTF8.self)
                    if isSubscribed(head) { found.append(head) }
                }
            }
            at -= 1
        }
        return found
    }
}
