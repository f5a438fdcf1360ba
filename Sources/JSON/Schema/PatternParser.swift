// SPDX-License-Identifier: Apache-2.0
// PatternParser: reads the text of a JSONSchemaPattern.

struct PatternParser {
    private let scalars: [UInt32]
    private var at = 0
    private static let maxDepth = 50
    private static let maxRepeat = 2_000

    init(_ text: String) { scalars = text.unicodeScalars.map(\.value) }

    mutating func parse() throws(JSONSchemaPatternError) -> PatternTree {
        let tree = try alternatives(depth: 0)
        guard at == scalars.count else { throw fault("a ) without its (") }
        return tree
    }

    private func fault(_ message: String) -> JSONSchemaPatternError {
        JSONSchemaPatternError(message: "\(message), at character \(min(at, scalars.count) + 1)")
    }

    private func peek(_ character: Unicode.Scalar, ahead: Int = 0) -> Bool {
        at + ahead < scalars.count && scalars[at + ahead] == character.value
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek(character) else { return false }
        at += 1
        return true
    }

    private mutating func alternatives(depth: Int) throws(JSONSchemaPatternError) -> PatternTree {
        guard depth <= Self.maxDepth else { throw fault("groups nested deeper than \(Self.maxDepth)") }
        var parts = [try sequence(depth: depth)]
        while take("|") { parts.append(try sequence(depth: depth)) }
        return parts.count == 1 ? parts[0] : .alternatives(parts)
    }

    private mutating func sequence(depth: Int) throws(JSONSchemaPatternError) -> PatternTree {
        var parts: [PatternTree] = []
        while at < scalars.count, !peek("|"), !peek(")") {
            let (part, repeatable) = try atom(depth: depth)
            parts.append(try quantified(part, repeatable))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func atom(
        depth: Int
    ) throws(JSONSchemaPatternError) -> (tree: PatternTree, repeatable: Bool) {
        let scalar = scalars[at]
        at += 1
        switch Unicode.Scalar(scalar) {
        case "^": return (.start, false)
        case "$": return (.end, false)
        case ".": return (.set(.any), true)
        case "[": return (.set(try bracket()), true)
        case "(":
            if take("?"), !take(":") {
                throw fault("look-around, named groups and flags are not supported; use (…) or (?:…)")
            }
            let tree = try alternatives(depth: depth + 1)
            guard take(")") else { throw fault("a ( without its )") }
            return (tree, true)
        case "\\":
            switch try escaped(inBracket: false) {
            case .scalar(let scalar): return (.scalar(scalar), true)
            case .set(let set): return (.set(set), true)
            }
        case "*", "+", "?": throw fault("nothing to repeat")
        case "{":
            at -= 1
            if try counts() != nil { throw fault("nothing to repeat") }
            at += 1
            return (.scalar(scalar), true)
        default: return (.scalar(scalar), true)
        }
    }

    private mutating func quantified(
        _ part: PatternTree, _ repeatable: Bool
    ) throws(JSONSchemaPatternError) -> PatternTree {
        var range: (min: Int, max: Int?)
        if take("*") {
            range = (0, nil)
        } else if take("+") {
            range = (1, nil)
        } else if take("?") {
            range = (0, 1)
        } else if let counted = try counts() {
            range = counted
        } else {
            return part
        }
        guard repeatable else { throw fault("^ and $ cannot be repeated") }
        _ = take("?")
        if peek("*") || peek("+") || peek("?") { throw fault("nothing to repeat") }
        return .repeated(part, min: range.min, max: range.max)
    }

    /// `{n}`, `{n,}` or `{n,m}`; nil, with nothing taken, when the brace stands for itself.
    private mutating func counts() throws(JSONSchemaPatternError) -> (min: Int, max: Int?)? {
        let start = at
        guard take("{"), let low = decimal() else {
            at = start
            return nil
        }
        var high: Int? = low
        if take(",") { high = decimal() }
        guard take("}") else {
            at = start
            return nil
        }
        guard low <= Self.maxRepeat, high ?? 0 <= Self.maxRepeat else {
            throw fault("a repeat count above \(Self.maxRepeat)")
        }
        if let high, high < low { throw fault("a repeat whose upper count is below its lower") }
        return (low, high)
    }

    private mutating func decimal() -> Int? {
        var value: Int?
        while at < scalars.count, scalars[at] >= 0x30, scalars[at] <= 0x39 {
            value = min(1 << 30, (value ?? 0) * 10 + Int(scalars[at] - 0x30))
            at += 1
        }
        return value
    }

    private enum Escaped {
        case scalar(UInt32)
        case set(PatternSet)
    }

    private mutating func escaped(inBracket: Bool) throws(JSONSchemaPatternError) -> Escaped {
        guard at < scalars.count, let letter = Unicode.Scalar(scalars[at]) else {
            throw fault("nothing follows the last \\")
        }
        at += 1
        switch letter {
        case "d": return .set(.digits)
        case "D": return .set(.digits.inverted)
        case "w": return .set(.word)
        case "W": return .set(.word.inverted)
        case "s": return .set(.space)
        case "S": return .set(.space.inverted)
        case "t": return .scalar(0x09)
        case "n": return .scalar(0x0A)
        case "v": return .scalar(0x0B)
        case "f": return .scalar(0x0C)
        case "r": return .scalar(0x0D)
        case "0" where !(at < scalars.count && scalars[at] >= 0x30 && scalars[at] <= 0x39): return .scalar(0)
        case "b" where inBracket: return .scalar(0x08)
        case "x": return .scalar(try hex(count: 2))
        case "u": return .scalar(try unicode())
        case "0"..."9": throw fault("back references are not supported")
        case "b", "B": throw fault("\\\(letter) is not supported")
        case "p", "P": throw fault("\\\(letter){…} is not supported; name the characters")
        case "a"..."z", "A"..."Z": throw fault("\\\(letter) is not an escape")
        default: return .scalar(letter.value)
        }
    }

    private mutating func unicode() throws(JSONSchemaPatternError) -> UInt32 {
        if take("{") {
            let start = at
            while at < scalars.count, !peek("}") { at += 1 }
            let digits = String(
                String.UnicodeScalarView(scalars[start..<at].compactMap { Unicode.Scalar($0) }))
            guard take("}"), let value = UInt32(digits, radix: 16), value <= 0x10FFFF else {
                throw fault("\\u{…} needs a code point in hexadecimal")
            }
            return value
        }
        let unit = try hex(count: 4)
        guard unit >= 0xD800, unit <= 0xDBFF, peek("\\"), peek("u", ahead: 1) else { return unit }
        at += 2
        let low = try hex(count: 4)
        guard low >= 0xDC00, low <= 0xDFFF else { throw fault("a lone surrogate") }
        return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }

    private mutating func hex(count: Int) throws(JSONSchemaPatternError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard at < scalars.count, let scalar = Unicode.Scalar(scalars[at]),
                let digit = Character(scalar).hexDigitValue, scalar.isASCII
            else { throw fault("expected \(count) hexadecimal digits") }
            value = value << 4 | UInt32(digit)
            at += 1
        }
        return value
    }

    /// Behind `[`.
    private mutating func bracket() throws(JSONSchemaPatternError) -> PatternSet {
        var set = PatternSet()
        set.negated = take("^")
        while true {
            guard at < scalars.count else { throw fault("a [ without its ]") }
            if take("]") { return set }
            let low: UInt32
            switch try member() {
            case .set(let inner):
                set.ranges += inner.flattened
                continue
            case .scalar(let scalar): low = scalar
            }
            guard peek("-"), !peek("]", ahead: 1), at + 1 < scalars.count else {
                set.ranges.append(low...low)
                continue
            }
            at += 1
            switch try member() {
            case .set(let inner):
                set.ranges += [low...low, 0x2D...0x2D] + inner.flattened
            case .scalar(let high):
                guard low <= high else { throw fault("a range out of order") }
                set.ranges.append(low...high)
            }
        }
    }

    private mutating func member() throws(JSONSchemaPatternError) -> Escaped {
        let scalar = scalars[at]
        at += 1
        return scalar == 0x5C ? try escaped(inBracket: true) : .scalar(scalar)
    }
}
