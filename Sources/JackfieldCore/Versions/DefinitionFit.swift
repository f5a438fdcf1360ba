// SPDX-License-Identifier: Apache-2.0
// The compatibility rule: whether whoever knows one definition of a tool can call a server that has another.

import JSON

/// Compares two definitions of one tool. What they say to models in words does not count.
enum DefinitionFit {
    /// Why a server with the definition `served` does not do for callers who know `known`; nil: it does.
    ///
    /// Arguments that fit the known input schema must fit the served one, results that fit the served output schema the known
    /// one. Hints may become better, not worse: a retry, or a user's consent, may rest on them.
    static func problem(known: ToolDefinition, served: ToolDefinition) -> String? {
        if known.digest == served.digest { return nil }
        if known.name != served.name { return "another name" }
        return input(known.value, served.value) ?? output(known.value, served.value)
            ?? hints(known.value["annotations"], served.value["annotations"])
            ?? execution(known.value["execution"], served.value["execution"])
    }

    private static func input(_ known: JSONValue, _ served: JSONValue) -> String? {
        guard let sent = known["inputSchema"], let taken = served["inputSchema"] else {
            return known["inputSchema"] == served["inputSchema"] ? nil : "inputSchema: it is only on one side"
        }
        return SchemaInclusion.problem(sent, in: taken, .arguments, at: "inputSchema")
    }

    private static func output(_ known: JSONValue, _ served: JSONValue) -> String? {
        // Who expects no structure is not harmed by one.
        guard let expected = known["outputSchema"] else { return nil }
        guard let given = served["outputSchema"] else { return "outputSchema: it was removed" }
        return SchemaInclusion.problem(given, in: expected, .results, at: "outputSchema")
    }

    private static func hints(_ known: JSONValue?, _ served: JSONValue?) -> String? {
        // With the defaults of the specification (2025-06-18 and later, ToolAnnotations).
        func says(_ hints: JSONValue?, _ name: String, _ fallback: Bool) -> Bool {
            hints?[name]?.bool ?? fallback
        }
        for name in ["readOnlyHint", "idempotentHint"]
        where says(known, name, false) && !says(served, name, false) {
            // What only reads can be repeated as well.
            if name == "idempotentHint", says(served, "readOnlyHint", false) { continue }
            return "annotations.\(name): true → false"
        }
        // Of a tool that only reads it says nothing.
        if !says(served, "readOnlyHint", false), !says(known, "destructiveHint", true),
            says(served, "destructiveHint", true)
        {
            return "annotations.destructiveHint: false → true"
        }
        return nil
    }

    private static func execution(_ known: JSONValue?, _ served: JSONValue?) -> String? {
        func support(_ execution: JSONValue?) -> String { execution?["taskSupport"]?.string ?? "forbidden" }
        guard support(known) != support(served) else { return nil }
        // Whoever may choose can do without, and whoever has no choice is served by one that leaves it.
        if support(served) == "optional" { return nil }
        return "execution.taskSupport: \(shown(.string(support(known)))) → \(shown(.string(support(served))))"
    }
}
