// SPDX-License-Identifier: Apache-2.0
// libFuzzer harness: any bytes as a configuration file (swiftc -sanitize=fuzzer,address -parse-as-library).

import Configuration

/// What every reference stands for. Fits no name, so that nothing may print it.
private let secret = "\u{2020}se cret\u{2020}"

private let environment = ConfigurationEnvironment(
    variable: { name in name.hasPrefix("N") ? nil : secret },
    file: { path in path.hasPrefix("n") ? .failure(.init("no such file")) : .success(Array(secret.utf8)) })

private func check(_ condition: Bool, _ what: String) {
    if !condition { fatalError(what) }
}

/// The first byte chooses the file's name, and so the notation; the rest is the file.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 0 else { return 0 }
    let input = UnsafeBufferPointer(start: data, count: size)
    let file = ["gateway.yaml", "gateway.json", "mcp.json", "/a/.vscode/mcp"][Int(input[0] & 3)]
    let bytes = Array(input.dropFirst())
    // A file that spells the secret itself may see it again.
    if String(decoding: bytes, as: UTF8.self).unicodeScalars.contains("\u{2020}") { return 0 }
    if bytes.contains(UInt8(ascii: "\\")) && String(decoding: bytes, as: UTF8.self).contains("2020") {
        return 0
    }

    let parsed = Configuration.parse(bytes, file: file, environment: environment)
    let errors = parsed.problems.filter { $0.severity == .error }
    check(
        (parsed.configuration == nil) == !errors.isEmpty,
        "a refusal without a reason, or an error that was ignored")
    let lines = bytes.reduce(1) { $1 == 0x0A || $1 == 0x0D || $1 >= 0x80 ? $0 + 1 : $0 }
    for problem in parsed.problems {
        check(problem.line >= 0 && problem.line <= lines + 1, "a line that the file hasn't")
        check((problem.line == 0) == (problem.column == 0), "a place that is none")
        check(problem.column <= bytes.count + 2, "a column that the file hasn't")
        check(!problem.description.contains(secret), "a secret in a finding")
        check(
            problem.description.unicodeScalars.allSatisfy { $0.value >= 0x20 },
            "a control character in a finding")
    }
    guard let configuration = parsed.configuration else { return 0 }
    checkUse(configuration)
    let again = Configuration.parse(bytes, file: file, environment: environment).configuration
    check(
        again.map { Configuration.diff(configuration, $0).isEmpty } ?? false, "not the same when read again")
    return 0
}

/// What a gateway does with a configuration.
private func checkUse(_ configuration: Configuration) {
    check(!configuration.description.contains(secret), "a secret in the description")
    var dumped = ""
    dump(configuration, to: &dumped)
    check(!dumped.contains(secret), "a secret in the dump")
    var options = configuration.listeners.map(\.options) + configuration.plugins.map(\.config)
    for server in configuration.servers {
        check(!server.name.isEmpty && server.name.utf8.count <= 64, "a server's name is out of bounds")
        check(!server.endpoints.isEmpty, "a server without an endpoint")
        options += [server.options, server.routing.options] + server.endpoints.map(\.options)
    }
    for item in options {
        let read = ConfigurationNode.read(Array(item.json.utf8), file: "options.json")
        check(read.node?.kind == .mapping, "options that are no JSON object")
        let isDuplicate = read.problems.contains { !$0.message.contains("stands twice") }
        check(!isDuplicate, "options that are bad JSON")
        check(read.problems.isEmpty, "options that name a key twice")
        check(!item.description.contains(secret), "a secret in options")
        _ = item.position(ofPointer: "/env/0/a~1b")
    }
}
