// SPDX-License-Identifier: Apache-2.0
// JSONError: why a text is not JSON, and where.

/// Why a text was refused. `description` is a sentence for people; programs look at `code`.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong. New codes may appear in later versions.
    public struct Code: RawRepresentable, Equatable, Hashable, Sendable {
        public let rawValue: Int32

        @inlinable
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// Nothing but white space.
        public static let empty = Code(rawValue: 1)
        /// A character that the grammar does not allow at this place.
        public static let syntax = Code(rawValue: 2)
        /// Bytes that are not well-formed UTF-8 (RFC 3629).
        public static let utf8 = Code(rawValue: 3)
        /// Arrays and objects nested deeper than the limit.
        public static let depth = Code(rawValue: 4)
        /// More bytes than the limit.
        public static let tooLarge = Code(rawValue: 5)
        /// Something follows the value.
        public static let trailing = Code(rawValue: 6)
        /// A string without an end, or with a raw control character.
        public static let string = Code(rawValue: 7)
        /// Not a number of RFC 8259 section 6.
        public static let number = Code(rawValue: 8)
        /// Begins like `true`, `false` or `null` and is none of them.
        public static let literal = Code(rawValue: 9)
        /// An escape sequence that RFC 8259 section 7 does not know.
        public static let escape = Code(rawValue: 10)
        /// No memory for the index.
        public static let memory = Code(rawValue: 11)
        /// The text ends inside an array or object.
        public static let truncated = Code(rawValue: 12)
    }

    public var code: Code
    /// Byte offset in the text, at most its length.
    public var offset: Int

    public init(code: Code, offset: Int) {
        self.code = code
        self.offset = offset
    }

    public var description: String {
        switch code {
        case .empty: "The JSON text is empty."
        case .syntax: "Unexpected character in the JSON text at byte \(offset)."
        case .utf8: "The JSON text is not valid UTF-8 at byte \(offset)."
        case .depth: "Arrays and objects in the JSON text are nested too deeply at byte \(offset)."
        case .tooLarge: "The JSON text is larger than the limit of \(offset) bytes."
        case .trailing: "Unexpected text follows the JSON value at byte \(offset)."
        case .string:
            "A JSON string is not closed or holds an unescaped control character at byte \(offset)."
        case .number: "Malformed JSON number at byte \(offset)."
        case .literal: "Expected true, false or null in the JSON text at byte \(offset)."
        case .escape: "Unknown escape sequence in a JSON string at byte \(offset)."
        case .memory: "No memory to index the JSON text."
        case .truncated: "The JSON text ends at byte \(offset) inside an array or object."
        default: "The JSON text is malformed at byte \(offset)."
        }
    }
}
