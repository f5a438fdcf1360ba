// SPDX-License-Identifier: Apache-2.0
// JSON to be written: schemas, structured results.

/// A JSON value that a plugin makes. Literals work: `["sum": 3, "terms": [1, 2]]`. Objects keep their order.
public enum JSONValue: Sendable, Equatable {
    /// `null`
    case null
    /// `true` or `false`
    case bool(Bool)
    /// A whole number.
    case integer(Int)
    /// Infinities and NaN, which JSON cannot express, are written as `null`.
    case number(Double)
    /// A string.
    case text(String)
    /// An array.
    case array([JSONValue])
    /// An object.
    case object([Member])
    /// Valid JSON that is written as it is, such as ``JSONReader/raw``.
    case raw(String)

    /// A member of an object.
    public struct Member: Sendable, Equatable {
        /// Its key.
        public var name: String
        /// Its value.
        public var value: JSONValue

        /// A member of that name.
        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The value as JSON text without white space.
    public var json: String {
        var writer = JSONWriter()
        writer.value(self)
        return writer.text
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral,
    ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// "text"
    public init(stringLiteral value: String) { self = .text(value) }
    /// 1
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// 1.5
    public init(floatLiteral value: Double) { self = .number(value) }
    /// true
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// nil
    public init(nilLiteral: ()) { self = .null }
    /// [1, 2]
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// ["a": 1], in this order.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
