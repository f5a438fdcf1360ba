// SPDX-License-Identifier: Apache-2.0
// How two definitions of a tool differ, in lines for people.

import JSON

/// Compares two JSON values member by member.
///
/// Each line names a place (`inputSchema.properties.path.type`) and says what became of it. What servers wrote is quoted,
/// cut to a bounded length round the change, and what would not be seen in it, or would move what is seen, is spelled out:
/// instructions to models are hidden in such characters.
public struct DefinitionDifference: Sendable {
    public private(set) var lines: [String] = []
    /// Lines that found no room.
    public private(set) var omitted = 0
    private let limit: Int

    /// - Parameter limit: lines at most.
    public init(from old: JSONValue, to new: JSONValue, limit: Int = 20) {
        self.limit = limit
        compare(old.canonicalized(), new.canonicalized(), at: "")
    }

    /// All lines in one, for a log record.
    public var summary: String {
        lines.joined(separator: "; ") + (omitted > 0 ? "; and \(omitted) more" : "")
    }

    private mutating func say(_ place: String, _ text: @autoclosure () -> String) {
        guard lines.count < limit else {
            omitted += 1
            return
        }
        let name = place.utf8.count > placeLength ? "…\(place.suffix(placeLength))" : place
        lines.append("\(name.isEmpty ? "definition" : name): \(text())")
    }

    private mutating func compare(_ old: JSONValue, _ new: JSONValue, at place: String) {
        switch (old, new) {
        case (.object(let before), .object(let after)): members(before, after, at: place)
        case (.array(let before), .array(let after)): elements(before, after, at: place)
        case (.string(let before), .string(let after)):
            // By bytes: `==` takes texts for equal that a model may not.
            guard !before.utf8.elementsEqual(after.utf8) else { return }
            let (left, right) = changedParts(before, after)
            say(place, "\(left) → \(right)")
        default: if old != new { say(place, "\(shown(old)) → \(shown(new))") }
        }
    }

    /// Walks two sorted lists side by side; members of one name meet in their order.
    private mutating func members(
        _ before: [JSONMemberValue], _ after: [JSONMemberValue], at place: String
    ) {
        var (left, right) = (before[...], after[...])
        while let old = left.first ?? right.first {
            let inner = { joined(place, $0) }
            if let one = left.first, let other = right.first, one.key.utf16.elementsEqual(other.key.utf16) {
                compare(one.value, other.value, at: inner(old.key))
                left.removeFirst()
                right.removeFirst()
            } else if let one = left.first, right.first.map({ precedes(one, $0) }) ?? true {
                say(inner(one.key), "removed (was \(shown(one.value)))")
                left.removeFirst()
            } else if let other = right.first {
                say(inner(other.key), "added \(shown(other.value))")
                right.removeFirst()
            }
        }
    }

    private func precedes(_ one: JSONMemberValue, _ other: JSONMemberValue) -> Bool {
        one.key.utf16.lexicographicallyPrecedes(other.key.utf16)
    }

    /// What stands alike at both ends is left out; the rest is compared by place where its number stayed.
    private mutating func elements(_ before: [JSONValue], _ after: [JSONValue], at place: String) {
        let (left, right) = (before.map { $0.serialized() }, after.map { $0.serialized() })
        let shorter = min(left.count, right.count)
        var start = 0
        while start < shorter, left[start] == right[start] { start += 1 }
        var end = 0
        while end < shorter - start, left[left.count - 1 - end] == right[right.count - 1 - end] { end += 1 }
        let (old, new) = (start..<(left.count - end), start..<(right.count - end))
        if old.isEmpty, new.isEmpty { return }
        if old == new, old.allSatisfy({ isContainer(before[$0]) && isContainer(after[$0]) }) {
            for at in old { compare(before[at], after[at], at: "\(place)[\(at)]") }
            return
        }
        let (known, kept) = (Set(left[old]), Set(right[new]))
        if known == kept { return say(place, "\(shown(.array(before))) → \(shown(.array(after)))") }
        for at in old where !kept.contains(left[at]) { say(place, "removed \(shown(before[at]))") }
        for at in new where !known.contains(right[at]) { say(place, "added \(shown(after[at]))") }
    }

    private func isContainer(_ value: JSONValue) -> Bool { value.kind == .object || value.kind == .array }
}

// MARK: Text of servers, shown to people

/// Characters of a value, of what surrounds a change, and of a place, that are shown.
private let shownLength = 160
private let leadLength = 24
private let placeLength = 300

/// A member's place: plain names with points, others quoted.
private func joined(_ place: String, _ key: String) -> String {
    let isPlain = !key.isEmpty && key.utf8.count <= 64 && key.utf8.allSatisfy(isNameByte)
    if isPlain { return place.isEmpty ? key : "\(place).\(key)" }
    return "\(place)[\(shown(.string(key)))]"
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D, 0x24: true
    default: false
    }
}

/// A value as compact JSON, made visible and cut.
func shown(_ value: JSONValue) -> String {
    let text = value.description
    let head = text.unicodeScalars.prefix(shownLength)
    guard head.endIndex < text.unicodeScalars.endIndex else { return visible(text.unicodeScalars[...]) }
    return visible(head) + "… (\(text.utf8.count) bytes)"
}

/// The parts in which two texts differ, quoted, with a little of what stands before and behind.
private func changedParts(_ old: String, _ new: String) -> (String, String) {
    let (before, after) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
    let shorter = min(before.count, after.count)
    var start = 0
    while start < shorter, before[start] == after[start] { start += 1 }
    var end = 0
    while end < shorter - start, before[before.count - 1 - end] == after[after.count - 1 - end] { end += 1 }
    func part(_ scalars: [Unicode.Scalar]) -> String {
        let from = max(0, start - leadLength)
        let to = min(scalars.count, scalars.count - end + leadLength, from + shownLength)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[from..<to])
        let quoted = String(decoding: JSONWriter.quoted(String(text)), as: UTF8.self)
        return (from > 0 ? "…" : "") + visible(quoted.unicodeScalars[...])
            + (to < scalars.count ? "…" : "")
    }
    return (part(before), part(after))
}

/// Characters that show nothing, or that change the order of what is shown, become escapes.
private func visible(_ scalars: Substring.UnicodeScalarView) -> String {
    var out = String.UnicodeScalarView()
    for scalar in scalars {
        if isSeen(scalar) {
            out.append(scalar)
        } else {
            out.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
        }
    }
    return String(out)
}

private func isSeen(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: false
    // Variation selectors, fillers and joiners.
    default: !scalar.properties.isDefaultIgnorableCodePoint
    }
}
