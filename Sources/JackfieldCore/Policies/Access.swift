// SPDX-License-Identifier: Apache-2.0
// What somebody wants to do with one item, and how policies are lent it.

import CJackfield
import CLinux
import MCP

/// One item and what is to be done with it.
struct Access {
    let kind: ItemKind
    let action: StaticString
    let server: Server
    /// As its server spells it, and as clients of the endpoint know it.
    let name: String
    let shown: String
    /// The endpoint's path, as clients name it.
    let path: String
    /// What its server listed; nil: it is in no list.
    let item: ListedItem?
    let traits: CallTraits
    /// JF_ACCESS_*
    var flags: UInt32 = 0

    init(
        kind: ItemKind, action: StaticString, server: Server, name: String, shown: String, path: String,
        item: ListedItem?, traits: CallTraits
    ) {
        self.kind = kind
        self.action = action
        self.server = server
        self.name = name
        self.shown = shown
        self.path = path
        self.item = item
        self.traits = traits
    }

    /// What a request does with the target that it names.
    init(_ method: Method, _ kind: ItemKind, _ target: Lane.Target, _ server: Server, at path: String) {
        self.init(
            kind: kind, action: method.name, server: server, name: target.name,
            shown: target.shown ?? target.shownURI ?? target.name, path: path, item: target.item,
            traits: target.traits)
    }

    /// Whether a list shows an entry.
    init(listing entry: ViewEntry, _ server: Server, at path: String) {
        self.init(
            kind: entry.kind, action: Access.use(of: entry.kind), server: server, name: entry.item.key,
            shown: entry.shown, path: path, item: entry.item, traits: entry.target.traits)
        flags = UInt32(JF_ACCESS_LISTING)
    }

    /// What clients do with items of a kind.
    static func use(of kind: ItemKind) -> StaticString {
        switch kind {
        case .tools: "tools/call"
        case .resources, .templates: "resources/read"
        case .prompts: "prompts/get"
        }
    }
}

/// A server's name and labels at addresses that stay.
final class ServerLabels {
    let name: jf_view
    let pairs: UnsafePointer<jf_pair>?
    let count: Int
    private let texts: [ReadyBytes]
    private let memory: UnsafeMutablePointer<jf_pair>?

    /// The labels of all its endpoints, each once.
    init(_ server: Server) {
        var labels: [EndpointStanding.Label] = []
        for endpoint in server.endpoints {
            for label in endpoint.plan.standing.labels where !labels.contains(label) { labels.append(label) }
        }
        let own = ReadyBytes(Array(server.name.utf8))
        var texts = [own]
        name = jf_view(own.bytes)
        count = labels.count
        if labels.isEmpty {
            memory = nil
        } else {
            let pairs = UnsafeMutablePointer<jf_pair>.allocate(capacity: labels.count)
            for (at, label) in labels.enumerated() {
                let key = ReadyBytes(Array(label.name.utf8))
                let value = ReadyBytes(Array(label.value.utf8))
                texts += [key, value]
                (pairs + at).initialize(to: jf_pair(name: jf_view(key.bytes), value: jf_view(value.bytes)))
            }
            memory = pairs
        }
        pairs = memory.map { UnsafePointer($0) }
        self.texts = texts
    }

    deinit { memory?.deallocate() }
}

extension Lane {
    /// The part of an access that is the same for all items of a request.
    private func frame(_ caller: Principal, path: jf_view, address: jf_view, region: jf_view) -> jf_access {
        var lent = jf_access()
        lent.size = UInt32(MemoryLayout<jf_access>.size)
        lent.principal = caller.lent
        lent.target = path
        lent.address = address.len > 0 ? address : .absent
        lent.region = region.len > 0 ? region : .absent
        lent.now_ms = jf_realtime_ns() / 1_000_000
        return lent
    }

    private func fill(_ lent: inout jf_access, _ access: Access) {
        lent.flags = access.flags
        lent.kind = UInt32(access.kind.rawValue)
        lent.traits = access.kind == .tools ? access.traits.rawValue : 0
        lent.action = jf_view(access.action)
        if let labels = link(access.server)?.labels {
            lent.server = labels.name
            lent.labels = labels.pairs
            lent.label_count = UInt64(labels.count)
        }
    }

    /// Lends one access to a policy for the time of a call. Allocates nothing.
    func withLent<R>(
        _ access: Access, _ caller: Principal, address: String, arguments: UnsafeRawBufferPointer?,
        _ body: (UnsafePointer<jf_access>) -> R
    ) -> R {
        withView(access.path) { path in
            withView(address) { address in
                withView(gateway.region ?? "") { region in
                    withView(access.name) { name in
                        withView(access.shown) { shown in
                            var lent = frame(caller, path: path, address: address, region: region)
                            fill(&lent, access)
                            lent.name = name
                            lent.shown = shown
                            if let arguments { lent.arguments = jf_view(arguments) }
                            guard let item = access.item, !item.raw.isEmpty else { return body(&lent) }
                            return item.raw.withUnsafeBytes {
                                lent.definition = jf_view($0)
                                return body(&lent)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Lends many accesses of one list.
    func withLent<R>(
        _ accesses: [Access], _ caller: Principal, address: String,
        _ body: (UnsafePointer<UnsafePointer<jf_access>?>) -> R
    ) -> R {
        // All texts in one block: names and definitions of a list are far too many to nest closures for.
        var text: [UInt8] = []
        var ends: [Int] = []
        for access in accesses {
            text.append(contentsOf: access.name.utf8)
            ends.append(text.count)
            text.append(contentsOf: access.shown.utf8)
            ends.append(text.count)
            if let item = access.item { text.append(contentsOf: item.raw) }
            ends.append(text.count)
        }
        text.append(0)
        return text.withUnsafeBytes { text in
            var at = 0
            var part = 0
            func next() -> jf_view {
                let end = ends[part]
                part += 1
                defer { at = end }
                return jf_view(UnsafeRawBufferPointer(rebasing: text[at..<end]))
            }
            let path = accesses.first?.path ?? ""
            return withView(path) { path in
                withView(address) { address in
                    withView(gateway.region ?? "") { region in
                        let frame = frame(caller, path: path, address: address, region: region)
                        let records = UnsafeMutablePointer<jf_access>.allocate(capacity: accesses.count)
                        let pointers = UnsafeMutablePointer<UnsafePointer<jf_access>?>.allocate(
                            capacity: accesses.count)
                        defer {
                            records.deallocate()
                            pointers.deallocate()
                        }
                        for (index, access) in accesses.enumerated() {
                            var lent = frame
                            fill(&lent, access)
                            lent.name = next()
                            lent.shown = next()
                            let definition = next()
                            lent.definition = definition.len > 0 ? definition : .absent
                            (records + index).initialize(to: lent)
                            (pointers + index).initialize(to: UnsafePointer(records + index))
                        }
                        return body(UnsafePointer(pointers))
                    }
                }
            }
        }
    }
}
