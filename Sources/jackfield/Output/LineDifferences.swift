// SPDX-License-Identifier: Apache-2.0
// What differs between two texts, line by line.

/// Lines that went ("-"), came ("+"), and up to three around them (" "), with "@@ LINE" before each group.
func lineDifferences(_ old: [UInt8], _ new: [UInt8]) -> [String] {
    func lines(_ bytes: [UInt8]) -> [String] {
        var parts = bytes.split(separator: 10, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        if parts.last == "" { parts.removeLast() }
        return parts
    }
    let (before, after) = (lines(old), lines(new))
    // CollectionDifference is Myers' algorithm.
    let difference = after.difference(from: before)
    guard !difference.isEmpty else { return [] }
    var removed = Set<Int>()
    var inserted = Set<Int>()
    for change in difference {
        switch change {
        case .remove(let offset, _, _): removed.insert(offset)
        case .insert(let offset, _, _): inserted.insert(offset)
        }
    }
    var all: [(mark: Character, text: String, line: Int)] = []
    var (left, right) = (0, 0)
    while left < before.count || right < after.count {
        if left < before.count, removed.contains(left) {
            all.append(("-", before[left], left))
            left += 1
        } else if right < after.count, inserted.contains(right) {
            all.append(("+", after[right], right))
            right += 1
        } else {
            all.append((" ", before[left], right))
            left += 1
            right += 1
        }
    }
    var shown: [String] = []
    var last = -1
    for at in all.indices
    where all[max(0, at - 3)...min(all.count - 1, at + 3)].contains(where: { $0.mark != " " }) {
        if at != last + 1 || shown.isEmpty { shown.append("@@ \(all[at].line + 1)") }
        shown.append("\(all[at].mark)\(all[at].text)")
        last = at
    }
    return shown
}
