// SPDX-License-Identifier: Apache-2.0
// The names under which the items of many servers share one endpoint. Decided here once; nothing ever parses a name.

/// Chooses shown names. Deterministic: the same servers and items give the same names on every gateway.
struct Naming {
    let plan: NamingPlan

    struct Candidate {
        /// Index of the server, in configured order.
        var server: Int
        var serverName: String
        var prefix: String
        /// The server's own name of the item, and the one to show before prefixing.
        var original: String
        var shown: String
    }

    /// One shown name per candidate, all different from each other and from those `taken`.
    func names(for candidates: [Candidate], taken: Set<String> = []) -> [String] {
        var raw: [String] = []
        raw.reserveCapacity(candidates.count)
        switch plan.prefix {
        case .always: for item in candidates { raw.append(prefixed(item)) }
        case .never: for item in candidates { raw.append(item.shown) }
        case .onConflict:
            var servers: [String: Set<Int>] = [:]
            for item in candidates { servers[item.shown, default: []].insert(item.server) }
            for item in candidates {
                let isShared = (servers[item.shown]?.count ?? 0) > 1
                raw.append(isShared ? prefixed(item) : item.shown)
            }
        }
        var names = candidates.indices.map { fitted(raw[$0], candidates[$0]) }
        // In an order of its own, so that the order in which a server lists decides nothing: of those that want one name,
        // the one spelled exactly so has it, the others are kept apart by a hash.
        let order = candidates.indices.sorted {
            (names[$0] == raw[$0] ? 0 : 1, candidates[$0].server, candidates[$0].original)
                < (names[$1] == raw[$1] ? 0 : 1, candidates[$1].server, candidates[$1].original)
        }
        var taken = taken
        for at in order {
            var name = names[at]
            var attempt = 0
            while !taken.insert(name).inserted {
                name = hashed(names[at], candidates[at], attempt)
                attempt += 1
            }
            names[at] = name
        }
        return names
    }

    private func prefixed(_ item: Candidate) -> String {
        item.prefix.isEmpty ? item.shown : item.prefix + plan.separator + item.shown
    }

    /// At most `maxLength` of `[A-Za-z0-9_-]`, shortened with a hash where needed.
    private func fitted(_ name: String, _ item: Candidate) -> String {
        let clean = Naming.sanitized(name)
        return clean.utf8.count <= plan.maxLength ? clean : hashed(clean, item)
    }

    private func hashed(_ name: String, _ item: Candidate, _ attempt: Int = 0) -> String {
        let again = attempt == 0 ? "" : "\u{0}\(attempt)"
        let tag = Naming.tag("\(item.serverName)\u{0}\(item.original)\(again)")
        return String(name.prefix(max(1, plan.maxLength - tag.count - 1))) + "_" + tag
    }

    static func sanitized(_ name: String) -> String {
        var out = ""
        out.reserveCapacity(name.utf8.count)
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", "-": out.unicodeScalars.append(scalar)
            default: out.append("_")
            }
        }
        return out
    }

    /// Eight hexadecimal digits that depend on nothing but the text.
    static func tag(_ text: String) -> String {
        var text = text
        let hash = text.withUTF8 { NameTable.hash(UnsafeRawBufferPointer($0)) }
        let digits = String(UInt32(truncatingIfNeeded: hash ^ (hash >> 29)), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
