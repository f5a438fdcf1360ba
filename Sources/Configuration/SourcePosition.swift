// SPDX-License-Identifier: Apache-2.0
// A place in a configuration file.

/// A place in a configuration file. Lines and columns count from 1; a column is a Unicode code point.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The line, from 1. 0 when a problem concerns the file as a whole (it can't be opened, say).
    public let line: Int
    /// The column, from 1, in code points.
    public let column: Int

    /// Creates a place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The first character of a file.
    public static let start = SourcePosition(line: 1, column: 1)
    /// No place in particular: the file as a whole, or a value that no file states.
    public static let none = SourcePosition(line: 0, column: 0)

    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }

    /// `line:column`.
    public var description: String { "\(line):\(column)" }
}
