// SPDX-License-Identifier: Apache-2.0
// The resources: a fixed page and a family of greetings.

import JackfieldPlugin

enum Welcome {
    static let uri = "demo://welcome"
    static let text = """
        # Welcome

        This server runs inside the gateway: a plugin in Swift, called through the plugin ABI. Nothing lies
        behind it, so it is a good first thing to point a client at.

        - Tools that answer at once: `echo`, `add`, `now`, `uuid`, `random`
        - A tool that takes its time, reports progress and can be canceled: `wait`
        - A tool that fails: `fail`
        - A resource template: `demo://greeting/{name}`
        - A prompt with completion: `summarize`

        """

    static func read() -> ResourceResult {
        ResourceResult(
            [.text(uri, text, mimeType: "text/markdown")], freshFor: .seconds(3600), isPublic: true)
    }
}

enum Greeting {
    static let prefix = "demo://greeting/"

    /// nil: not one of ours.
    static func read(_ uri: String) throws -> ResourceResult? {
        guard uri.hasPrefix(prefix) else { return nil }
        let encoded = uri.dropFirst(prefix.count)
        guard !encoded.isEmpty, !encoded.contains("/") else { return nil }
        guard let name = percentDecoded(encoded) else {
            throw ToolArgumentError("'\(uri)' holds a '%' that does not begin an encoded UTF-8 character")
        }
        return ResourceResult([.text(uri, "Hello, \(name)!\n")], freshFor: .seconds(3600), isPublic: true)
    }

    /// RFC 3986 section 2.1. nil: a '%' without two hexadecimal digits, or not UTF-8.
    static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit)
            else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
