// SPDX-License-Identifier: Apache-2.0
// `Mcp-Param-*`: checked against the arguments on the way in, computed from them on the way out.

import CJackfield
import JSON
import MCP

extension Lane {
    /// What is wrong between a client's `Mcp-Param-*` headers and its arguments; nil when they agree. Headers that no
    /// annotation asks for are ignored.
    func parameterMismatch(_ asking: Asking, _ expected: [ParameterHeader]) -> String? {
        withArguments(asking.envelope) { arguments in
            for header in expected {
                let value = arguments.flatMap { header.value(in: $0) }
                let sent = sentHeader(asking.message, "mcp-param-" + header.name.lowercased())
                switch (value, sent) {
                case (nil, nil): continue
                case (let value?, let sent?) where value == sent: continue
                case (_?, nil): return "the Mcp-Param-\(header.name) header is missing"
                default: return "Mcp-Param-\(header.name) and the argument in the body differ"
                }
            }
            return nil
        }
    }

    private func sentHeader(_ message: jf_message, _ lowered: String) -> String? {
        for at in 0..<Int(message.header_count) {
            guard let pair = message.headers?[at] else { break }
            if pair.name.string.lowercased() == lowered { return pair.value.string }
        }
        return nil
    }

    /// The arguments, indexed to their full depth (the request's own index stops above them).
    private func withArguments<R>(_ envelope: Envelope, _ body: (JSONNode?) -> R) -> R {
        guard let raw = envelope.params?.member("arguments")?.raw, let text = try? JSONText(copying: raw)
        else {
            return body(nil)
        }
        return text.withRoot { body($0) }
    }

    /// Lends the headers that a call needs; none in the usual case, without any work.
    func withHeaders<R>(
        _ wanted: [ParameterHeader], _ envelope: Envelope, isWanted: Bool,
        _ body: (UnsafePointer<jf_pair>?, Int) -> R
    ) -> R {
        guard isWanted, !wanted.isEmpty else { return body(nil, 0) }
        let pairs: [(String, String)] = withArguments(envelope) { arguments in
            wanted.compactMap { header in
                arguments.flatMap { header.value(in: $0) }.map { ("Mcp-Param-\(header.name)", $0) }
            }
        }
        // One block of text, so that every view stays put while the connector reads it.
        var text: [UInt8] = []
        var spans: [(Range<Int>, Range<Int>)] = []
        for (name, value) in pairs {
            let start = text.count
            text.append(contentsOf: name.utf8)
            let middle = text.count
            text.append(contentsOf: value.utf8)
            spans.append((start..<middle, middle..<text.count))
        }
        return text.withUnsafeBytes { block in
            let views = spans.map { name, value in
                jf_pair(
                    name: jf_view(UnsafeRawBufferPointer(rebasing: block[name])),
                    value: jf_view(UnsafeRawBufferPointer(rebasing: block[value])))
            }
            return views.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
        }
    }
}
