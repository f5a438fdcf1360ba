// SPDX-License-Identifier: Apache-2.0
// SchemaValidator: applies compiled nodes to a value and collects what is wrong.

struct SchemaValidator {
    let nodes: [SchemaNode]
    private(set) var violations: [JSONSchemaViolation] = []
    private var path: [String] = []
    private var failed = false
    /// Above zero while an alternative is tried: only `failed` counts, and the first failure ends the trial.
    private var quiet = 0
    private var steps = 0
    private var depth = 0
    private var exhausted = false

    static let maxDepth = 400

    private let maxSteps: Int

    init(nodes: [SchemaNode], maxSteps: Int) {
        self.nodes = nodes
        self.maxSteps = maxSteps
    }

    private var isDone: Bool { exhausted || (quiet > 0 && failed) }

    mutating func report(_ keyword: String, _ message: @autoclosure () -> String, below token: String? = nil)
    {
        failed = true
        guard quiet == 0, violations.count < JSONSchema.maxViolations else { return }
        let tokens = token.map { path + [$0] } ?? path
        violations.append(
            JSONSchemaViolation(pointer: JSONPointer(tokens: tokens), message: message(), keyword: keyword))
    }

    /// Gives up for good: nothing that was not checked may pass as valid, not even under `not`.
    private mutating func giveUp(_ message: String) {
        failed = true
        guard !exhausted else { return }
        exhausted = true
        let pointer = JSONPointer(tokens: path)
        violations.append(JSONSchemaViolation(pointer: pointer, message: message, keyword: "$limit"))
    }

    private mutating func spend(_ cost: Int) -> Bool {
        steps += cost
        if steps > maxSteps { giveUp("checking this value takes more than \(maxSteps) steps") }
        return steps <= maxSteps
    }

    private mutating func spendMatching(_ pattern: JSONSchemaPattern, _ text: String) -> Bool {
        spend(min(pattern.work(on: text), JSONSchemaPattern.maxWork) / 100)
    }

    mutating func check(_ index: Int, _ value: JSONValue) {
        guard !isDone else { return }
        guard spend(1) else { return }
        guard depth < Self.maxDepth else { return giveUp("value and schema are nested too deeply") }
        depth += 1
        defer { depth -= 1 }
        let node = nodes[index]
        if node.refusesAll { return report("false", "no value is allowed here, found \(value.shortened)") }
        guard node.types.allows(value) else {
            return report("type", "expected \(node.types.phrase), found \(Self.found(value))")
        }
        checkValues(node, value)
        switch value {
        case .number(let spelling): checkNumber(node, spelling)
        case .string(let text): checkString(node, text)
        case .array(let elements): checkArray(node, elements)
        case .object(let members): checkObject(node, value, members)
        case .null, .bool: break
        }
        checkCombinations(node, value)
    }

    private mutating func check(_ index: Int, _ value: JSONValue, below token: String) {
        path.append(token)
        check(index, value)
        path.removeLast()
    }

    /// Whether `value` is valid, without reporting.
    private mutating func passes(_ index: Int, _ value: JSONValue) -> Bool {
        let before = failed
        quiet += 1
        failed = false
        check(index, value)
        let passed = !failed
        failed = before
        quiet -= 1
        return passed
    }

    private static func found(_ value: JSONValue) -> String {
        switch value {
        case .null, .array, .object: value.phrase
        default: "\(value.phrase.replacingArticle) \(value.shortened)"
        }
    }

    private mutating func checkValues(_ node: SchemaNode, _ value: JSONValue) {
        if let constant = node.constant, value.canonical() != constant {
            report("const", "expected \(node.constantValue.shortened), found \(value.shortened)")
        }
        if let allowed = node.enumeration, !allowed.contains(value.canonical()) {
            let names = node.enumerationValues.compactMap(\.string)
            let hint = value.string.flatMap { nearestSpelling(of: $0, among: names) }
            let shown = node.enumerationValues.prefix(12).map(\.shortened).joined(separator: ", ")
            let more = node.enumerationValues.count > 12 ? ", …" : ""
            let help = hint.map { "; did you mean \"\($0)\"?" } ?? ""
            report("enum", "expected one of \(shown)\(more), found \(value.shortened)\(help)")
        }
    }

    private mutating func checkNumber(_ node: SchemaNode, _ spelling: String) {
        let number = SchemaNumber(spelling)
        if let limit = node.minimum, number < limit {
            report("minimum", "expected at least \(limit.spelling), found \(spelling)")
        }
        if let limit = node.maximum, limit < number {
            report("maximum", "expected at most \(limit.spelling), found \(spelling)")
        }
        if let limit = node.exclusiveMinimum, !(limit < number) {
            report("exclusiveMinimum", "expected more than \(limit.spelling), found \(spelling)")
        }
        if let limit = node.exclusiveMaximum, !(number < limit) {
            report("exclusiveMaximum", "expected less than \(limit.spelling), found \(spelling)")
        }
        if let divisor = node.multipleOf {
            switch number.isMultiple(of: divisor) {
            case true?: break
            case false?: report("multipleOf", "expected a multiple of \(divisor.spelling), found \(spelling)")
            case nil: report("multipleOf", "\(spelling) is too large to be checked against multipleOf")
            }
        }
    }

    private mutating func checkString(_ node: SchemaNode, _ text: String) {
        if node.minLength != nil || node.maxLength != nil {
            let length = text.unicodeScalars.count
            if let limit = node.minLength, length < limit {
                report("minLength", "expected at least \(limit) characters, found \(length)")
            }
            if let limit = node.maxLength, length > limit {
                report("maxLength", "expected at most \(limit) characters, found \(length)")
            }
        }
        if let pattern = node.pattern { checkPattern(pattern, text) }
    }

    private mutating func checkPattern(_ pattern: JSONSchemaPattern, _ text: String) {
        guard spendMatching(pattern, text) else { return }
        guard let isMatch = pattern.matches(text) else {
            return giveUp(
                "this string is too long to be checked against \(JSONValue(pattern.text).shortened)")
        }
        guard !isMatch else { return }
        let wanted = JSONValue(pattern.text).shortened
        report("pattern", "expected a string that matches \(wanted), found \(JSONValue(text).shortened)")
    }

    private mutating func checkArray(_ node: SchemaNode, _ elements: [JSONValue]) {
        if let limit = node.minItems, elements.count < limit {
            report("minItems", "expected at least \(limit) elements, found \(elements.count)")
        }
        if let limit = node.maxItems, elements.count > limit {
            report("maxItems", "expected at most \(limit) elements, found \(elements.count)")
        }
        if node.uniqueItems {
            var seen: [[UInt8]: Int] = [:]
            for (at, element) in elements.enumerated() {
                if let first = seen.updateValue(at, forKey: element.canonical()) {
                    report("uniqueItems", "elements \(first) and \(at) are equal, expected no two to be")
                    break
                }
            }
        }
        if !node.prefixItems.isEmpty || node.items != nil {
            for (at, element) in elements.enumerated() {
                guard !isDone else { return }
                if at < node.prefixItems.count {
                    check(node.prefixItems[at], element, below: String(at))
                } else if let items = node.items {
                    check(items, element, below: String(at))
                } else {
                    break
                }
            }
        }
        if let wanted = node.contains { checkContains(node, wanted, elements) }
    }

    private mutating func checkContains(_ node: SchemaNode, _ wanted: Int, _ elements: [JSONValue]) {
        let least = node.minContains ?? 1
        var count = 0
        for element in elements {
            guard !exhausted else { return }
            if passes(wanted, element) { count += 1 }
        }
        if count < least {
            report("contains", "expected at least \(least) elements of the required form, found \(count)")
        }
        if let most = node.maxContains, count > most {
            report("maxContains", "expected at most \(most) elements of the given form, found \(count)")
        }
    }

    private mutating func checkObject(_ node: SchemaNode, _ value: JSONValue, _ members: [JSONMemberValue]) {
        if let limit = node.minProperties, members.count < limit {
            report("minProperties", "expected at least \(limit) properties, found \(members.count)")
        }
        if let limit = node.maxProperties, members.count > limit {
            report("maxProperties", "expected at most \(limit) properties, found \(members.count)")
        }
        checkPresence(node, value, members)
        for member in members {
            guard !isDone else { return }
            if let names = node.propertyNames { checkName(names, member.key) }
            var known = false
            if let schema = node.properties[SchemaName(member.key)] {
                known = true
                check(schema, member.value, below: member.key)
            }
            for (pattern, schema) in node.patternProperties {
                guard spendMatching(pattern, member.key) else { return }
                guard let matches = pattern.matches(member.key) else {
                    return giveUp("a property name is too long to be checked against patternProperties")
                }
                guard matches else { continue }
                known = true
                check(schema, member.value, below: member.key)
            }
            guard !known, let additional = node.additionalProperties else { continue }
            if nodes[additional].refusesAll {
                reportUnknown(node, member.key, members)
            } else {
                check(additional, member.value, below: member.key)
            }
        }
    }

    private mutating func reportUnknown(_ node: SchemaNode, _ key: String, _ members: [JSONMemberValue]) {
        guard quiet == 0 else { return report("additionalProperties", "") }
        // A name that is there already is no likely correction.
        let present = Set(members.map { SchemaName($0.key) })
        let known = node.propertyOrder.map(\.name)
        let free = known.filter { !present.contains(SchemaName($0)) }
        let hint = nearestSpelling(of: key, among: free)
        let help: String
        if let hint {
            help = "; did you mean \"\(hint)\"?"
        } else if known.isEmpty {
            help = ""
        } else {
            let shown = known.prefix(12).map { "\"\($0)\"" }.joined(separator: ", ")
            help = "; known are \(shown)\(known.count > 12 ? ", …" : "")"
        }
        let shownKey = JSONValue(key).shortened
        report("additionalProperties", "unknown property \(shownKey)\(help)", below: key)
    }

    private mutating func checkName(_ schema: Int, _ name: String) {
        guard !passes(schema, .string(name)), !exhausted else { return }
        report(
            "propertyNames", "the property name \(JSONValue(name).shortened) is not of the required form",
            below: name)
    }

    private mutating func checkPresence(
        _ node: SchemaNode, _ value: JSONValue, _ members: [JSONMemberValue]
    ) {
        guard !(node.required.isEmpty && node.dependentRequired.isEmpty && node.dependentSchemas.isEmpty)
        else {
            return
        }
        let present = Set(members.map { SchemaName($0.key) })
        for name in node.required where !present.contains(SchemaName(name)) {
            report("required", "missing the required property \(JSONValue(name).shortened)")
        }
        for (name, others) in node.dependentRequired where present.contains(SchemaName(name)) {
            for other in others where !present.contains(SchemaName(other)) {
                let cause = JSONValue(name).shortened
                report(
                    "dependentRequired",
                    "missing the property \(JSONValue(other).shortened), which \(cause) requires")
            }
        }
        for (name, schema) in node.dependentSchemas where present.contains(SchemaName(name)) {
            check(schema, value)
        }
    }

    private mutating func checkCombinations(_ node: SchemaNode, _ value: JSONValue) {
        if let reference = node.reference { check(reference, value) }
        for schema in node.allOf { check(schema, value) }
        if !node.anyOf.isEmpty { checkAlternatives("anyOf", node.anyOf, value, most: .max) }
        if !node.oneOf.isEmpty { checkAlternatives("oneOf", node.oneOf, value, most: 1) }
        if let not = node.not, passes(not, value), !exhausted {
            report("not", "\(value.shortened) is of a form that is not allowed here")
        }
        if let condition = node.condition, !isDone {
            let branch = passes(condition, value) ? node.then : node.otherwise
            if let branch, !exhausted { check(branch, value) }
        }
    }

    private mutating func checkAlternatives(
        _ keyword: String, _ alternatives: [Int], _ value: JSONValue, most: Int
    ) {
        var matching = 0
        for schema in alternatives {
            guard !isDone else { return }
            if passes(schema, value) { matching += 1 }
            if matching > most || (most == .max && matching > 0) { break }
        }
        if exhausted { return }
        if matching > most {
            return report(keyword, "matches more than one of the \(alternatives.count) alternatives")
        }
        guard matching == 0 else { return }
        guard quiet == 0 else { return report(keyword, "") }
        // When the type leaves one alternative, its own complaints say more than "none matches".
        let fitting = alternatives.filter { types(of: $0, hops: 0).allows(value) }
        if fitting.count == 1 { return check(fitting[0], value) }
        if fitting.isEmpty {
            var types = alternatives.reduce(into: SchemaTypes()) { $0.formUnion(self.types(of: $1, hops: 0)) }
            if types.contains(.number) { types.remove(.integer) }
            return report(keyword, "expected \(types.phrase), found \(Self.found(value))")
        }
        report(keyword, "\(value.shortened) matches none of the \(alternatives.count) alternatives")
    }

    private func types(of index: Int, hops: Int) -> SchemaTypes {
        let node = nodes[index]
        if node.refusesAll { return [] }
        guard let reference = node.reference, hops < 8 else { return node.types }
        return node.types.intersection(types(of: reference, hops: hops + 1))
    }
}

extension String {
    /// "the string" for "a string".
    fileprivate var replacingArticle: String {
        guard let space = firstIndex(of: " ") else { return self }
        return "the" + self[space...]
    }
}
