// SPDX-License-Identifier: Apache-2.0
// Matching a URI against an RFC 6570 template, to find the server that owns it.

/// A template as literal parts and expressions. Matching asks only "could this template have produced this URI?"; it
/// extracts no values, since the server does that.
struct URITemplate: Sendable {
    private enum Part: Sendable {
        case literal([UInt8])
        /// An expression; reserved ones (`{+x}`, `{#x}`) and paths may span `/`.
        case expression(spansSlashes: Bool)
    }

    let text: String
    private let parts: [Part]

    init(_ text: String) {
        self.text = text
        var parts: [Part] = []
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let unit = rest.first {
            if unit == 123, let end = rest.firstIndex(of: 125) {
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = []
                let body = rest[(rest.startIndex + 1)..<end]
                let spans = body.first.map { [43, 35, 47, 63, 38].contains($0) } ?? false
                parts.append(.expression(spansSlashes: spans || body.last == 42))
                rest = rest[(end + 1)...]
            } else {
                literal.append(unit)
                rest = rest.dropFirst()
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
    }

    /// How much of the template is literal: the more, the better a match says.
    var specificity: Int {
        parts.reduce(0) { sum, part in
            if case .literal(let bytes) = part { return sum + bytes.count }
            return sum
        }
    }

    /// Time is at most parts times length, whatever a server puts into its template.
    func matches(_ uri: UnsafeRawBufferPointer) -> Bool {
        guard uri.count <= 4096 else { return false }
        // Positions that the parts so far can have reached.
        var reached = [Bool](repeating: false, count: uri.count + 1)
        reached[0] = true
        for part in parts {
            var next = [Bool](repeating: false, count: uri.count + 1)
            switch part {
            case .literal(let bytes):
                for from in 0...uri.count where reached[from] && uri.count - from >= bytes.count {
                    if UnsafeRawBufferPointer(rebasing: uri[from..<from + bytes.count]).elementsEqual(bytes) {
                        next[from + bytes.count] = true
                    }
                }
            case .expression(let spansSlashes):
                var open = false
                for at in 0...uri.count {
                    if reached[at] { open = true }
                    next[at] = open
                    if at < uri.count, uri[at] == 47, !spansSlashes { open = false }
                }
            }
            reached = next
        }
        return reached[uri.count]
    }
}
