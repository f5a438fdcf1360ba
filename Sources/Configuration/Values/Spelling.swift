// SPDX-License-Identifier: Apache-2.0
// The nearest valid spelling of a word, and words as findings show them.

/// The choice that is most like `word`; nil when none is near enough to be what was meant.
func nearest(to word: String, in choices: [String]) -> String? {
    let folded = fold(word)
    guard !folded.isEmpty, folded.count <= 64 else { return nil }
    var best: (choice: String, distance: Int)?
    for choice in choices where choice != word {
        let other = fold(choice)
        let bound = max(1, max(folded.count, other.count) / 3)
        guard abs(folded.count - other.count) <= bound else { continue }
        let distance = editDistance(folded, other)
        if distance <= bound, distance < min(folded.count, other.count), distance < best?.distance ?? .max {
            best = (choice, distance)
        }
    }
    return best?.choice
}

/// Lower case and without separators: `drainTimeout` and `drain-timeout` are `drain_timeout` to a reader.
private func fold(_ word: String) -> [UInt8] {
    word.utf8.compactMap { byte in
        switch byte {
        case 0x41...0x5A: byte | 0x20
        case 0x5F, 0x2D, 0x20: nil
        default: byte
        }
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other (optimal
/// string alignment, the restricted Damerau-Levenshtein distance).
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in 0..<left.count {
        var current = [row + 1]
        current.reserveCapacity(right.count + 1)
        for column in 0..<right.count {
            let cost = left[row] == right[column] ? 0 : 1
            var least = min(last[column + 1] + 1, current[column] + 1, last[column] + cost)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                least = min(least, beforeLast[column - 1] + 1)
            }
            current.append(least)
        }
        beforeLast = last
        last = current
    }
    return last[right.count]
}

/// The text in quotes for a finding: cut to a readable length, control characters escaped.
func quoted(_ text: String) -> String {
    let limit = 60
    var shown = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        switch scalar {
        case "\n": shown += "\\n"
        case "\r": shown += "\\r"
        case "\t": shown += "\\t"
        case _ where isUnprintable(scalar): shown += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return "\"" + shown + (text.unicodeScalars.dropFirst(limit).isEmpty ? "\"" : "…\"")
}

/// Whether a text can be shown as it is.
func isPrintable(_ text: String) -> Bool { !text.unicodeScalars.contains(where: isUnprintable) }

/// Controls, and the marks that reverse the direction of a terminal's text.
private func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
    default: false
    }
}

/// What a value is, for "expected …, found …". References in place of secrets.
func found(_ node: ConfigurationNode) -> String {
    switch node.content {
    case .sequence: return "a list"
    case .mapping: return "a mapping"
    case .scalar(let scalar):
        switch scalar.kind {
        case .null: return "nothing"
        case .boolean, .number:
            let isShort = scalar.text.utf8.count <= 32
            return isShort && !scalar.isSecret ? scalar.text : quoted(scalar.shown)
        default: return quoted(scalar.shown)
        }
    }
}
