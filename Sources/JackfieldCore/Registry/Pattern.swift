// SPDX-License-Identifier: Apache-2.0
// Patterns over names, with `*` for any run of characters and `?` for one.

/// A name pattern. Matching takes time proportional to pattern times name at worst: no backtracking explosion.
struct Pattern: Sendable {
    private let units: [UInt8]

    init(_ text: String) { units = Array(text.utf8) }

    func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        var at = 0
        var from = 0
        var star: Int?
        var resume = 0
        while from < name.count {
            if at < units.count, units[at] == 63 || (units[at] != 42 && units[at] == name[from]) {
                let isAny = units[at] == 63
                at += 1
                from += 1
                // `?` takes a whole character of UTF-8.
                while isAny, from < name.count, name[from] & 0xC0 == 0x80 { from += 1 }
            } else if at < units.count, units[at] == 42 {
                star = at
                resume = from
                at += 1
            } else if let last = star {
                // The last star takes one character more.
                at = last + 1
                resume += 1
                from = resume
            } else {
                return false
            }
        }
        while at < units.count, units[at] == 42 { at += 1 }
        return at == units.count
    }
}

extension SelectionPlan {
    /// Whether an item that the server calls `name` is shown: allowed (or no allow-list), and not denied.
    func shows(_ name: String) -> Bool {
        if deny.contains(where: { Pattern($0).matches(name) }) { return false }
        return allow.isEmpty || allow.contains(where: { Pattern($0).matches(name) })
    }
}
