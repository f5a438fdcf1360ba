// SPDX-License-Identifier: Apache-2.0
// nearestSpelling: the known name that an unknown one was probably meant to be.

/// The candidate nearest to `name`: fewest insertions, deletions, replacements and swaps of neighbours,
/// ignoring ASCII case and the difference between `-` and `_`. Nil when none is near (a third of the name, at
/// least one change). Names above 64 characters have no suggestion.
public func nearestSpelling(of name: String, among candidates: some Sequence<String>) -> String? {
    let wanted = folded(name)
    guard !wanted.isEmpty, wanted.count <= 64 else { return nil }
    let limit = max(1, wanted.count / 3)
    var best: (distance: Int, name: String)?
    for candidate in candidates {
        let other = folded(candidate)
        guard other.count <= 64, abs(other.count - wanted.count) <= limit else { continue }
        let distance = editDistance(wanted, other)
        if distance <= limit, distance < max(wanted.count, other.count), distance < best?.distance ?? .max {
            best = (distance, candidate)
        }
    }
    return best?.name
}

private func folded(_ name: String) -> [UInt32] {
    name.unicodeScalars.prefix(65).map { scalar in
        switch scalar {
        case "A"..."Z": scalar.value + 32
        case "-": 0x5F
        default: scalar.value
        }
    }
}

/// Optimal string alignment distance.
private func editDistance(_ left: [UInt32], _ right: [UInt32]) -> Int {
    var twoAbove: [Int] = []
    var above = Array(0...right.count)
    for row in 1...max(1, left.count) where row <= left.count {
        var line = [row]
        for column in 0..<right.count {
            let same = left[row - 1] == right[column]
            var cost = min(line[column] + 1, above[column + 1] + 1, above[column] + (same ? 0 : 1))
            if row > 1, column > 0, left[row - 1] == right[column - 1], left[row - 2] == right[column] {
                cost = min(cost, twoAbove[column - 1] + 1)
            }
            line.append(cost)
        }
        twoAbove = above
        above = line
    }
    return above[right.count]
}
