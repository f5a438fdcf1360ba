// SPDX-License-Identifier: Apache-2.0
// Reading JSON: configurations and arguments. The host parses; this walks.

import CJackfield

/// What a JSON value is.
public enum JSONKind: UInt32, Sendable {
    /// `null`
    case null = 1
    /// `true` or `false`; a number; a string; an array; an object.
    case bool, number, text, array, object
}

/// A value inside a JSON document. Owns the document's bytes, so it may be kept; reading is cheap but not
/// free (the host looks it up each time): read once, keep the result. [any]
public struct JSONReader: Sendable {
    private let document: JSONDocument
    private let range: Range<Int>
    /// What the value is.
    public let kind: JSONKind

    /// The one value of a document; nil when it is not JSON.
    init?(_ bytes: [UInt8], _ services: HostServices) {
        guard let root = JSONDocument(bytes, services).find("", in: 0..<bytes.count) else { return nil }
        self = root
    }

    /// JSON that came with a call; absent stands for an object without members.
    init?(_ view: jf_view, _ services: HostServices) {
        self.init(view.ptr == nil ? Array("{}".utf8) : Array(view.bytes), services)
    }

    /// An object that is a part of `whole`, from brace to brace; nil when there is none at that place.
    /// `range` counts from the first byte of the document.
    init?(object range: Range<Int>, of whole: JSONReader) {
        let bytes = whole.document.bytes
        guard whole.range.lowerBound <= range.lowerBound, range.upperBound <= whole.range.upperBound,
            range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "{"),
            bytes[range.upperBound - 1] == UInt8(ascii: "}")
        else { return nil }
        self.init(whole.document, range, .object)
    }

    init(_ document: JSONDocument, _ range: Range<Int>, _ kind: JSONKind) {
        self.document = document
        self.range = range
        self.kind = kind
    }

    // MARK: Finding

    /// The value at a JSON Pointer (RFC 6901), such as "/servers/0/name"; "" is this value. nil: there is
    /// none.
    public func find(_ pointer: String) -> JSONReader? { document.find(pointer, in: range) }

    /// The member of an object; nil: there is none, or this is no object.
    public subscript(_ name: String) -> JSONReader? {
        guard kind == .object else { return nil }
        var pointer = "/"
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": pointer += "~0"
            case "/": pointer += "~1"
            default: pointer.unicodeScalars.append(scalar)
            }
        }
        return find(pointer)
    }

    // MARK: Values

    /// The text, escapes decoded; nil: this is no string, or names half of a surrogate pair.
    public var text: String? {
        guard kind == .text else { return nil }
        return document.withBytes(range) { bytes in
            let inner = UnsafeBufferPointer(rebasing: bytes.dropFirst().dropLast())
            if !inner.contains(UInt8(ascii: "\\")) { return String(decoding: inner, as: UTF8.self) }
            return document.services.text(bytes)
        }
    }

    /// The number as an integer; nil: this is no number, has a fraction, or is out of range.
    public var integer: Int? {
        kind == .number ? document.withBytes(range) { document.services.integer($0) } : nil
    }

    /// The number; nil: this is none.
    public var real: Double? {
        kind == .number ? document.withBytes(range) { document.services.real($0) } : nil
    }

    /// True or false; nil: this is neither.
    public var bool: Bool? { kind == .bool ? document.bytes[range.lowerBound] == UInt8(ascii: "t") : nil }

    /// Whether it is `null`.
    public var isNull: Bool { kind == .null }

    /// The JSON as it was sent.
    public var raw: String { String(decoding: document.bytes[range], as: UTF8.self) }

    // MARK: Walking

    /// The elements of an array, in order; empty when this is none.
    public var elements: [JSONReader] {
        guard kind == .array else { return [] }
        var walker = JSONWalker(document.bytes, range)
        var elements: [JSONReader] = []
        while let (range, kind) = walker.nextValue() { elements.append(JSONReader(document, range, kind)) }
        return elements
    }

    /// The members of an object, in order; empty when this is none.
    public var members: [(name: String, value: JSONReader)] {
        guard kind == .object else { return [] }
        var walker = JSONWalker(document.bytes, range)
        var members: [(name: String, value: JSONReader)] = []
        while let (keyRange, keyKind) = walker.nextValue(), let (range, kind) = walker.nextValue() {
            let name = JSONReader(document, keyRange, keyKind).text ?? ""
            members.append((name, JSONReader(document, range, kind)))
        }
        return members
    }
}

extension JSONReader {
    /// The members of an object that have this name, with their places in the document; none when this is no
    /// object.
    func places(of name: String) -> [(range: Range<Int>, value: JSONReader)] {
        guard kind == .object else { return [] }
        var walker = JSONWalker(document.bytes, range)
        var places: [(range: Range<Int>, value: JSONReader)] = []
        while let (keyRange, keyKind) = walker.nextValue(), let (range, kind) = walker.nextValue() {
            guard let key = JSONReader(document, keyRange, keyKind).text, key.utf8.elementsEqual(name.utf8)
            else { continue }
            places.append((range, JSONReader(document, range, kind)))
        }
        return places
    }
}

/// The bytes that readers share.
final class JSONDocument: Sendable {
    let bytes: [UInt8]
    let services: HostServices

    init(_ bytes: [UInt8], _ services: HostServices) {
        self.bytes = bytes
        self.services = services
    }

    func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
    }

    func find(_ pointer: String, in range: Range<Int>) -> JSONReader? {
        withBytes(range) { bytes in
            guard let (found, kind) = services.find(bytes, pointer), let kind = JSONKind(rawValue: kind)
            else {
                return nil
            }
            return JSONReader(
                self, found.lowerBound + range.lowerBound..<found.upperBound + range.lowerBound, kind)
        }
    }
}
