// SPDX-License-Identifier: Apache-2.0
// JSONSchemaPattern: the regular expressions of JSON Schema, matched without backtracking.

/// A pattern that cannot be used, and why; `message` is a sentence without its full stop.
public struct JSONSchemaPatternError: Error, Equatable, Sendable {
    public var message: String
}

/// A regular expression in the safe part of ECMA-262, matched over code points in time proportional to
/// text × pattern.
///
/// Read: literal characters, `.`, `^` and `$` (start and end of the text), `[…]` with ranges and negation,
/// `\d \D \w \W \s \S`, `\t \n \r \f \v \0 \xHH \uHHHH \u{…}`, an escaped punctuation character, groups `(…)`
/// and `(?:…)`, `|`, and `* + ? {n} {n,} {n,m}`, each also with a lazy `?`, which changes nothing here.
/// Refused: back references, look-around, `\b`, `\p{…}`, named groups and flags, and patterns that would
/// unfold to more than `maxSize` steps.
///
/// As in ECMA-262, a pattern matches anywhere in the text unless it is anchored.
public struct JSONSchemaPattern: Sendable {
    /// Most instructions of one pattern.
    public static let maxSize = 4_096
    /// Most pattern instructions × code points that one match may take.
    public static let maxWork = 10_000_000

    /// The pattern's text.
    public let text: String
    private let program: [PatternInstruction]
    private let sets: [PatternSet]

    public init(_ text: String) throws(JSONSchemaPatternError) {
        var parser = PatternParser(text)
        let tree = try parser.parse()
        var builder = PatternBuilder()
        try builder.emit(tree)
        try builder.append(.match)
        self.text = text
        program = builder.program
        sets = builder.sets
    }

    /// Upper bound of what matching `text` takes, in the unit of `maxWork`.
    func work(on text: String) -> Int {
        let (work, overflow) = (text.utf8.count + 1).multipliedReportingOverflow(by: program.count)
        return overflow ? .max : work
    }

    /// Whether the pattern matches somewhere in `text`. Nil when deciding would take more than `maxWork`.
    public func matches(_ text: String) -> Bool? {
        guard work(on: text) <= Self.maxWork else { return nil }
        var run = PatternRun(program: program, sets: sets)
        return run.matches(text.unicodeScalars)
    }
}

enum PatternInstruction: Sendable {
    case scalar(UInt32)
    case set(Int)
    case split(Int, Int)
    case jump(Int)
    case start
    case end
    case match
}

struct PatternSet: Equatable, Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var negated = false

    func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } != negated }

    /// The ranges with the negation worked in.
    var flattened: [ClosedRange<UInt32>] {
        guard negated else { return ranges }
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
        return gaps
    }

    static let digits = PatternSet(ranges: [0x30...0x39])
    static let word = PatternSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    /// ECMA-262 WhiteSpace and LineTerminator.
    static let space = PatternSet(ranges: [
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
        0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    static let any = PatternSet(ranges: [0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029], negated: true)

    var inverted: PatternSet { PatternSet(ranges: ranges, negated: !negated) }
}

indirect enum PatternTree {
    case empty
    case scalar(UInt32)
    case set(PatternSet)
    case start
    case end
    case sequence([PatternTree])
    case alternatives([PatternTree])
    case repeated(PatternTree, min: Int, max: Int?)
}

/// Turns the tree into instructions; counted repeats are unfolded.
struct PatternBuilder {
    private(set) var program: [PatternInstruction] = []
    private(set) var sets: [PatternSet] = []

    mutating func append(_ instruction: PatternInstruction) throws(JSONSchemaPatternError) {
        guard program.count < JSONSchemaPattern.maxSize else {
            throw JSONSchemaPatternError(
                message: "unfolds to more than \(JSONSchemaPattern.maxSize) steps; use smaller repeat counts")
        }
        program.append(instruction)
    }

    mutating func emit(_ tree: PatternTree) throws(JSONSchemaPatternError) {
        switch tree {
        case .empty: break
        case .scalar(let scalar): try append(.scalar(scalar))
        case .set(let set):
            let index = sets.firstIndex(of: set) ?? sets.count
            if index == sets.count { sets.append(set) }
            try append(.set(index))
        case .start: try append(.start)
        case .end: try append(.end)
        case .sequence(let parts): for part in parts { try emit(part) }
        case .alternatives(let parts):
            var exits: [Int] = []
            for part in parts.dropLast() {
                let fork = program.count
                try append(.split(fork + 1, 0))
                try emit(part)
                exits.append(program.count)
                try append(.jump(0))
                program[fork] = .split(fork + 1, program.count)
            }
            if let last = parts.last { try emit(last) }
            for exit in exits { program[exit] = .jump(program.count) }
        case .repeated(let part, let min, let max):
            for _ in 0..<min { try emitOnce(part) }
            if let max {
                var forks: [Int] = []
                for _ in min..<max {
                    forks.append(program.count)
                    try append(.split(0, 0))
                    try emitOnce(part)
                }
                for fork in forks { program[fork] = .split(fork + 1, program.count) }
            } else {
                let fork = program.count
                try append(.split(fork + 1, 0))
                try emit(part)
                try append(.jump(fork))
                program[fork] = .split(fork + 1, program.count)
            }
        }
    }

    /// A repeat of something that emits nothing must cost something too, or a huge count would loop for long.
    private mutating func emitOnce(_ part: PatternTree) throws(JSONSchemaPatternError) {
        let before = program.count
        try emit(part)
        if program.count == before { try append(.jump(before + 1)) }
    }
}

/// All paths through the program at once (Thompson's construction).
struct PatternRun {
    let program: [PatternInstruction]
    let sets: [PatternSet]
    private var current: [Int] = []
    private var next: [Int] = []
    private var seen: [Int]
    private var stack: [Int] = []
    private var found = false

    init(program: [PatternInstruction], sets: [PatternSet]) {
        self.program = program
        self.sets = sets
        seen = [Int](repeating: -1, count: program.count)
    }

    mutating func matches(_ text: String.UnicodeScalarView) -> Bool {
        var at = text.startIndex
        var step = 0
        while true {
            let isEnd = at == text.endIndex
            follow(0, step: step, atEnd: isEnd)
            if found { return true }
            if isEnd { return false }
            swap(&current, &next)
            next.removeAll(keepingCapacity: true)
            let scalar = text[at].value
            at = text.index(after: at)
            for place in current where accepts(place, scalar) {
                follow(place + 1, step: step + 1, atEnd: at == text.endIndex)
                if found { return true }
            }
            current.removeAll(keepingCapacity: true)
            step += 1
        }
    }

    private func accepts(_ place: Int, _ scalar: UInt32) -> Bool {
        switch program[place] {
        case .scalar(let wanted): wanted == scalar
        case .set(let index): sets[index].contains(scalar)
        default: false
        }
    }

    /// Adds to `next` the consuming instructions reachable from `place` without taking a character. `step` is
    /// the position they wait at.
    private mutating func follow(_ place: Int, step: Int, atEnd: Bool) {
        stack.append(place)
        while let place = stack.popLast() {
            guard seen[place] != step else { continue }
            seen[place] = step
            switch program[place] {
            case .scalar, .set: next.append(place)
            case .jump(let target): stack.append(target)
            case .split(let first, let second):
                stack.append(second)
                stack.append(first)
            case .start: if step == 0 { stack.append(place + 1) }
            case .end: if atEnd { stack.append(place + 1) }
            case .match: found = true
            }
        }
    }
}
