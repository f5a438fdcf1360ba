// SPDX-License-Identifier: Apache-2.0
// JSONValue: a small DOM for configuration, listings and everything else off the hot path.

/// A JSON value. Member order and number spelling are kept, so that what was parsed is written back alike.
///
/// `==` compares spelling and order (`1` differs from `1.0`); `isEqual` compares as JSON Schema does.
public indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The number as it is spelled.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMemberValue])
}

/// One member of `JSONValue.object`.
public struct JSONMemberValue: Equatable, Sendable {
    public var key: String
    public var value: JSONValue

    public init(key: String, value: JSONValue) {
        self.key = key
        self.value = value
    }

    public init(_ key: String, _ value: JSONValue) {
        self.init(key: key, value: value)
    }
}

extension JSONValue {
    /// Copies a node and all that is inside it. What is below the parse's `recordDepth` is parsed once more.
    public init(_ node: JSONNode) {
        switch node.kind {
        case .null: self = .null
        case .bool: self = .bool(node.bool == true)
        case .number: self = .number(String(decoding: node.raw, as: UTF8.self))
        case .string: self = .string(node.string() ?? "")
        case .array, .object:
            guard node.isRecorded else {
                // The text was validated as a part of its document, with that document's limits.
                let text = try? JSONText(copying: node.raw, maxBytes: .max, maxDepth: 1024)
                self = text?.withRoot { JSONValue($0) } ?? .null
                return
            }
            if node.kind == .array {
                var elements: [JSONValue] = []
                elements.reserveCapacity(node.count)
                for element in node.elements { elements.append(JSONValue(element)) }
                self = .array(elements)
            } else {
                var members: [JSONMemberValue] = []
                members.reserveCapacity(node.count)
                for member in node.members {
                    members.append(JSONMemberValue(member.keyString(), JSONValue(member.value)))
                }
                self = .object(members)
            }
        }
    }

    /// Parses a text with the default limits of `JSONText`.
    public init(parsing text: String) throws(JSONError) {
        self = try JSONText(text).withRoot { JSONValue($0) }
    }

    /// Parses a text with the default limits of `JSONText`.
    public init(parsing bytes: some Collection<UInt8>) throws(JSONError) {
        self = try JSONText(bytes).withRoot { JSONValue($0) }
    }

    /// Parses a text with the default limits of `JSONText`.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        self = try JSONText(copying: bytes).withRoot { JSONValue($0) }
    }

    public var kind: JSONKind {
        switch self {
        case .null: .null
        case .bool: .bool
        case .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    public var isNull: Bool { self == .null }

    public var bool: Bool? {
        if case .bool(let truth) = self { truth } else { nil }
    }

    /// A number spelled without fraction and exponent that fits; nil otherwise, also for `1.0`.
    public var int: Int? {
        guard case .number(var spelling) = self else { return nil }
        return spelling.withUTF8 { decimalInt64(UnsafeRawBufferPointer($0)) }.flatMap { Int(exactly: $0) }
    }

    /// The double nearest to a number; nil when it is too large for a finite one.
    public var double: Double? {
        guard case .number(var spelling) = self else { return nil }
        return spelling.withUTF8 { decimalDouble(UnsafeRawBufferPointer($0)) }
    }

    public var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    public var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    public var object: [JSONMemberValue]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The value of the first member named `key`. Setting replaces it, appends it, or with nil removes every
    /// member of that name; setting on anything but an object has no effect.
    public subscript(key: String) -> JSONValue? {
        get {
            guard case .object(let members) = self else { return nil }
            return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
        }
        set {
            guard case .object(var members) = self else { return }
            self = .null  // leaves `members` the only owner of its storage
            if let newValue {
                if let at = members.firstIndex(where: { $0.key.utf8.elementsEqual(key.utf8) }) {
                    members[at].value = newValue
                } else {
                    members.append(JSONMemberValue(key, newValue))
                }
            } else {
                members.removeAll { $0.key.utf8.elementsEqual(key.utf8) }
            }
            self = .object(members)
        }
    }

    /// The element at `index`, or nil.
    public subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .number(String(value)) }
    public init(floatLiteral value: Double) { self = .init(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { JSONMemberValue($0, $1) })
    }

    public init(_ number: some FixedWidthInteger) { self = .number(String(number)) }

    /// Infinities and NaN become null.
    public init(_ number: Double) { self = number.isFinite ? .number(number.description) : .null }

    public init(_ text: String) { self = .string(text) }
    public init(_ truth: Bool) { self = .bool(truth) }
}
