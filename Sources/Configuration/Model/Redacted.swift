// SPDX-License-Identifier: Apache-2.0
// A property that may hold a secret: reading it gives the value, printing it gives the reference.

/// Marks a property whose value may come from `${env:…}` or `${file:…}`. The value is read and written as
/// ever; `description`, `debugDescription` and `dump` show the reference in its place.
@propertyWrapper
public struct Redacted<Value: Sendable & Equatable>: Sendable, Equatable {
    /// The value. Setting it forgets the reference.
    public var wrappedValue: Value {
        didSet { shown = nil }
    }
    /// What to print in place of the value; nil where the value is no secret.
    private(set) var shown: String?

    public init(wrappedValue: Value) {
        self.wrappedValue = wrappedValue
        shown = nil
    }

    init(_ value: Value, shown: String?) {
        wrappedValue = value
        self.shown = shown
    }

    /// The value with its reference; its `description` may be printed.
    public internal(set) var projectedValue: Redacted {
        get { self }
        set { self = newValue }
    }

    public static func == (left: Redacted, right: Redacted) -> Bool {
        left.wrappedValue == right.wrappedValue
    }
}

extension Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { shown ?? String(describing: wrappedValue) }
    public var debugDescription: String { shown ?? String(reflecting: wrappedValue) }
    public var customMirror: Mirror { Mirror(self, children: ["shown": description]) }
}
