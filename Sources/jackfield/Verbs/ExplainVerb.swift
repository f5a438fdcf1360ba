// SPDX-License-Identifier: Apache-2.0
// `jackfield explain`: what a running gateway's policies say of somebody and something.

import JSON
import JackfieldCore

let explainCommand: Command = Command(
    name: "explain",
    summary: "say which policies allow or refuse something, and by which rule",
    details: """
        Nothing happens: the policies of a running gateway are asked as they would be for a request. call TOOL \
        [ARGUMENT…], read URI and prompt NAME tell of each policy what it decides, by which rule, and what \
        comes of it; list tells of each item whether it is shown. ARGUMENT is key=value or one JSON object; \
        a value that is JSON is taken as such. Without --as it is somebody who shows no credentials. The exit \
        status is 1 when it is refused.
        """,
    options: [
        .value("as", "SUBJECT", .text, "who asks, as the provider of identity names it"),
        .value("tenant", "TENANT", .text, "whom SUBJECT belongs to"),
        .value("issuer", "URL", .text, "who vouches for SUBJECT"),
        .value("provider", "NAME", .text, "the provider that vouches, as the configuration names it"),
        .value("role", "ROLE", .text, repeats: true, "a role of SUBJECT"),
        .value("scope", "SCOPE", .text, repeats: true, "a scope that was granted"),
        .value(
            "attribute", "KEY=VALUE", .text, repeats: true, "what else is known of SUBJECT; JSON, or text"),
        .value("address", "ADDRESS", .text, "where the request comes from"),
        .value("path", "PATH", .text, "the endpoint", fallback: "/mcp"),
        .value("server", "SERVER", .serverName, "list: items of this server only"),
        RunningGateway.pid, RunningGateway.state, CommonOptions.json,
    ],
    positionals: [
        Positional(
            name: "WHAT", kind: .choice(["call", "list", "prompt", "read"]),
            summary: "call, read, prompt or list"),
        Positional(name: "NAME", isRequired: false, summary: "the tool, the URI or the prompt"),
        Positional(
            name: "ARGUMENT", isRequired: false, isRepeatable: true, summary: "key=value, or a JSON object"),
    ],
    examples: [
        Example("jackfield explain --as alice --role reader call time__now", "may she call it, and why"),
        Example(
            "jackfield explain --as bob --attribute team=payments call refund amount=500",
            "rules that look at arguments"),
        Example("jackfield explain --as alice --role reader list --server docs", "what she sees of a server"),
        Example("jackfield explain list", "what everybody sees"),
    ]
) { arguments throws(UsageProblem) in
    let what = arguments.positionals[0]
    let words = Array(arguments.positionals.dropFirst())
    guard what == "list" ? words.isEmpty : !words.isEmpty else {
        throw arguments.problem(what == "list" ? "list takes no name" : "\(what) needs a name")
    }
    var request: [JSONMemberValue] = [
        .init("do", .string("explain")), .init("what", .string(what)),
        .init("path", .string(arguments.value("path") ?? "/mcp")),
        .init("principal", try principal(arguments)),
    ]
    for name in ["address", "provider", "server"] {
        if let value = arguments.value(name) { request.append(.init(name, .string(value))) }
    }
    guard let name = words.first else { return try explainList(arguments, request) }
    request.append(.init("name", .string(name)))
    if words.count > 1 {
        request.append(.init("arguments", try explainedArguments(Array(words.dropFirst()))))
    }
    var answer: JSONValue?
    let problem = try askGateway(arguments, .object(request)) {
        answer = $0
        return false
    }
    guard problem == nil, let answer else {
        report(problem ?? "the gateway went away")
        return 1
    }
    standardOutput.write(arguments.has("json") ? answer.pretty() + "\n" : explanationText(answer))
    return answer["outcome"]?.string == "allow" ? 0 : 1
}

/// Whom the options describe.
private func principal(_ arguments: Arguments) throws(UsageProblem) -> JSONValue {
    guard let subject = arguments.value("as"), !subject.isEmpty else {
        for name in ["tenant", "issuer", "role", "scope", "attribute"] where arguments.has(name) {
            throw arguments.problem("--\(name) describes somebody", hint: "say whom with --as SUBJECT")
        }
        return .object([])
    }
    var members: [JSONMemberValue] = [.init("subject", .string(subject))]
    if let tenant = arguments.value("tenant") { members.append(.init("tenant", .string(tenant))) }
    if let issuer = arguments.value("issuer") { members.append(.init("issuer", .string(issuer))) }
    members.append(.init("roles", .array(arguments.all("role").map { .string($0) })))
    members.append(.init("scopes", .array(arguments.all("scope").map { .string($0) })))
    var attributes: [JSONMemberValue] = []
    for text in arguments.all("attribute") {
        guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
            throw arguments.problem("--attribute takes KEY=VALUE, not '\(text)'")
        }
        attributes.append(
            .init(String(text[..<sign]), loose(String(text[text.index(after: sign)...]))))
    }
    members.append(.init("attributes", .object(attributes)))
    return .object(members)
}

/// JSON where it is such, else text.
private func loose(_ text: String) -> JSONValue {
    (try? JSONValue(parsing: Array(text.utf8))) ?? .string(text)
}

private func explainedArguments(_ words: [String]) throws(UsageProblem) -> JSONValue {
    switch try GivenArguments(words) {
    case .object(let value): return value
    case .pairs(let pairs): return .object(pairs.map { .init($0.key, loose($0.text)) })
    }
}

/// One line for each policy, and what comes of it.
private func explanationText(_ answer: JSONValue) -> String {
    func text(_ value: JSONValue?, _ name: String) -> String { printable(value?[name]?.string ?? "") }
    var out = ""
    for step in answer["policies"]?.array ?? [] {
        out += "\(text(step, "policy")): \(text(step, "decision"))"
        if step["dry"]?.bool == true { out += " (dry run)" }
        if let rule = step["rule"]?.string { out += ", \(printable(rule))" }
        if let why = step["error"]?.string {
            out += ", \(printable(why)); on_error: \(text(step, "on_error"))"
        }
        if let said = step["text"]?.string { out += ": \(printable(said))" }
        if let scopes = step["scopes"]?.string { out += "; scopes that would do: \(printable(scopes))" }
        out += "\n"
    }
    if out.isEmpty { out = "there are no policies\n" }
    let subject = text(answer, "principal")
    let outcome =
        switch answer["outcome"]?.string {
        case "allow": "may"
        case "hide": "may not, as if there were no such thing:"
        default: "may not"
        }
    return out
        + "\(subject.isEmpty ? "somebody unknown" : subject) \(outcome) \(text(answer, "action")) \(text(answer, "shown"))\n"
}

/// All items, page after page.
private func explainList(_ arguments: Arguments, _ request: [JSONMemberValue]) throws(UsageProblem) -> Int32 {
    var items: [JSONValue] = []
    var total = 1
    while items.count < total {
        var answer: JSONValue?
        let problem = try askGateway(
            arguments, .object(request + [.init("from", .number(String(items.count)))])
        ) {
            answer = $0
            return false
        }
        guard problem == nil, let answer else {
            report(problem ?? "the gateway went away")
            return 1
        }
        total = answer["total"]?.int ?? 0
        let more = answer["items"]?.array ?? []
        if more.isEmpty { break }
        items += more
    }
    if arguments.has("json") {
        standardOutput.write(JSONValue.array(items).pretty() + "\n")
        return 0
    }
    for item in items {
        func text(_ name: String) -> String { printable(item[name]?.string ?? "") }
        let mark = item["outcome"]?.string == "allow" ? "shown " : "hidden"
        var why = [item["policy"], item["rule"], item["error"]].compactMap { $0?.string }.map {
            printable($0)
        }
        why.removeAll { $0.isEmpty }
        standardOutput.write("\(mark) \(text("kind")) \(text("name"))  \(why.joined(separator: ", "))\n")
    }
    return 0
}
