// SPDX-License-Identifier: Apache-2.0
// Values of a stated type, or the finding that says what was expected and what was found.

extension ProblemSink {
    /// Says that a value is not what its place needs.
    func wrongType(
        _ node: ConfigurationNode, _ label: String, expected: String, suggestion: String? = nil
    ) {
        error(node.position, "\(label): expected \(expected), found \(found(node))", suggestion: suggestion)
    }

    /// `true` or `false`, unquoted; YAML 1.1's `yes`, `no`, `on`, `off` are refused with the right spelling.
    func boolean(_ node: ConfigurationNode, _ label: String) -> Bool? {
        let text = node.scalar?.text
        if node.kind == .boolean || node.scalar?.isSecret == true, text == "true" || text == "false" {
            return text == "true"
        }
        let suggestion: String? =
            switch node.scalar?.isSecret == true ? nil : text?.lowercased() {
            case "yes", "on", "y", "true", "1", "enabled": "true"
            case "no", "off", "n", "false", "0", "disabled": "false"
            default: nil
            }
        wrongType(node, label, expected: "true or false", suggestion: suggestion)
        return nil
    }

    /// A whole number within bounds.
    func integer(_ node: ConfigurationNode, _ label: String, in range: ClosedRange<Int>) -> Int? {
        guard let scalar = node.scalar, scalar.isSecret || node.kind == .number,
            let value = wholeNumber(scalar.text),
            range.contains(value)
        else {
            var suggestion: String?
            if let scalar = node.scalar, !scalar.isSecret {
                let digits = scalar.text.filter { $0 != "_" && $0 != " " }
                suggestion = wholeNumber(digits).flatMap { range.contains($0) ? String($0) : nil }
            }
            wrongType(
                node, label, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
                suggestion: suggestion)
            return nil
        }
        return value
    }

    /// A duration within bounds, in nanoseconds.
    func duration(_ node: ConfigurationNode, _ label: String, in range: ClosedRange<UInt64>) -> UInt64? {
        let expected = "a duration such as 30s or 250ms"
        guard let scalar = node.scalar, [.string, .number].contains(scalar.kind),
            let value = durationNanoseconds(scalar.text)
        else {
            let shown = node.scalar.flatMap { $0.isSecret ? nil : $0.text }
            wrongType(node, label, expected: expected, suggestion: shown.flatMap(durationSuggestion))
            return nil
        }
        guard range.contains(value) else {
            let low = durationText(nanoseconds: range.lowerBound)
            let high = durationText(nanoseconds: range.upperBound)
            wrongType(node, label, expected: "a duration from \(low) to \(high)")
            return nil
        }
        return value
    }

    /// A size within bounds, in bytes.
    func size(_ node: ConfigurationNode, _ label: String, in range: ClosedRange<Int>) -> Int? {
        guard let scalar = node.scalar, [.string, .number].contains(scalar.kind),
            let value = byteSize(scalar.text)
        else {
            let shown = node.scalar.flatMap { $0.isSecret ? nil : $0.text }
            wrongType(
                node, label, expected: "a size such as 64KiB, 4MiB or 1000000",
                suggestion: shown.flatMap(byteSizeSuggestion))
            return nil
        }
        guard range.contains(value) else {
            let bounds = "from \(byteSizeText(range.lowerBound)) to \(byteSizeText(range.upperBound))"
            wrongType(node, label, expected: "a size \(bounds)")
            return nil
        }
        return value
    }

    /// Text. A number stands for its spelling; `true`, `null`, lists and mappings are refused.
    func text(
        _ node: ConfigurationNode, _ label: String, expected: String = "text", atMost limit: Int = 4096,
        mayBeEmpty: Bool = false
    ) -> String? {
        guard let scalar = node.scalar, [.string, .number].contains(scalar.kind),
            !scalar.text.utf8.contains(0)
        else {
            let isWord = node.kind == .boolean
            wrongType(
                node, label, expected: expected,
                suggestion: isWord ? node.scalar.map { "'\($0.shown)'" } : nil)
            return nil
        }
        guard mayBeEmpty || !scalar.text.isEmpty else {
            wrongType(node, label, expected: expected)
            return nil
        }
        guard scalar.text.utf8.count <= limit else {
            error(node.position, "\(label): the text is longer than \(limit) bytes")
            return nil
        }
        return scalar.text
    }

    /// One of a few words.
    func choice<Value>(_ node: ConfigurationNode, _ label: String, of choices: [(String, Value)]) -> Value? {
        let words = choices.map(\.0)
        if let text = node.scalar?.text, let chosen = choices.first(where: { $0.0 == text }) {
            return chosen.1
        }
        let shown = node.scalar.flatMap { $0.isSecret ? nil : $0.text }
        let list = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        wrongType(node, label, expected: list, suggestion: shown.flatMap { nearest(to: $0, in: words) })
        return nil
    }

    /// The items of a list; nothing (`key:` without a value) is an empty one.
    func items(_ node: ConfigurationNode, _ label: String, expected: String) -> [ConfigurationNode]? {
        switch node.content {
        case .sequence(let items): return items
        case .scalar(let scalar) where scalar.kind == .null: return []
        default:
            wrongType(node, label, expected: expected)
            return nil
        }
    }

    /// A list of texts, each not empty.
    func texts(_ node: ConfigurationNode, _ label: String, expected: String, atMost limit: Int = 4096)
        -> [String]?
    {
        if let scalar = node.scalar, scalar.kind != .null {
            wrongType(node, label, expected: expected, suggestion: "[\(quoted(scalar.shown))]")
            return nil
        }
        return items(node, label, expected: expected)?.enumerated().compactMap { index, item in
            text(item, "\(label)[\(index)]", atMost: limit)
        }
    }
}

/// Whether a text is one to `limit` of letters, digits and `extra`, beginning with a letter or digit.
func isName(_ text: String, extra: String, atMost limit: Int) -> Bool {
    guard let first = text.utf8.first, isLetterOrDigit(first), text.utf8.count <= limit else { return false }
    return text.utf8.allSatisfy { isLetterOrDigit($0) || extra.utf8.contains($0) }
}

/// `[A-Za-z0-9]`
func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
}
