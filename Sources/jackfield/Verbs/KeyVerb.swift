// SPDX-License-Identifier: Apache-2.0
// `jackfield key new`: a key for a client, and the entry by which provider api-key knows it.

import CLinux
import JSON
import JackfieldCore

let keyCommand: Command = Command(
    name: "key",
    summary: "keys that clients show (auth provider api-key)",
    commands: [keyNewCommand],
    examples: [Example("jackfield key new alice", "a key for alice, and its entry for the configuration")]
)

private let keyNewCommand: Command = Command(
    name: "new",
    summary: "make a key",
    details: """
        Prints the key, which goes to the client and is shown nowhere again, and the entry for the gateway: under \
        "keys" of provider api-key, or in its file. The entry holds the key's SHA-256, not the key. Several keys of \
        one subject are good at the same time: add the new one, change the client, take the old one out.
        """,
    options: [
        .value("id", "ID", .text, "names the key in logs and audit records; else it is made of the subject"),
        .value("tenant", "TENANT", .text, "whom the subject belongs to"),
        .value("role", "ROLE", .text, repeats: true, "a role that it has"),
        .value("scope", "SCOPE", .text, repeats: true, "a scope that it was granted"),
        .value("expires", "TIME", .text, "when it ends: 2027-01-31 or 2027-01-31T12:00:00Z"),
        .value("prefix", "TEXT", .text, "what the key begins with, as the provider says", fallback: "jf_"),
        CommonOptions.json,
    ],
    positionals: [Positional(name: "SUBJECT", summary: "whose key it is")],
    examples: [
        Example("jackfield key new alice --role admin", "with a role"),
        Example("jackfield key new ci --scope mcp --expires 2027-06-30 --json", "for a script"),
    ]
) { arguments throws(UsageProblem) in
    let subject = arguments.positionals[0]
    guard !subject.isEmpty else { throw arguments.problem("SUBJECT must not be empty") }
    var random = [UInt8](repeating: 0, count: 24)
    guard random.withUnsafeMutableBytes({ getrandom($0.baseAddress, $0.count, 0) }) == random.count else {
        report("the system gives no random numbers")
        return 1
    }
    let prefix = arguments.value("prefix") ?? "jf_"
    let key = prefix + base64URL(random)
    // Told apart from the subject's other keys, and nothing that helps to guess this one.
    let digest = SHA256.digest(of: key).hex
    var entry: [JSONMemberValue] = [
        .init("id", .string(arguments.value("id") ?? "\(subject)-\(digest.prefix(8))")),
        .init("hash", .string("sha256:" + digest)), .init("subject", .string(subject)),
    ]
    if let tenant = arguments.value("tenant") { entry.append(.init("tenant", .string(tenant))) }
    for (option, member) in [("role", "roles"), ("scope", "scopes")] {
        let values = arguments.all(option)
        if !values.isEmpty { entry.append(.init(member, .array(values.map { .string($0) }))) }
    }
    if let expires = arguments.value("expires") { entry.append(.init("expires", .string(expires))) }
    if arguments.has("json") {
        let both = JSONValue.object([.init("key", .string(key)), .init("entry", .object(entry))])
        standardOutput.write(String(decoding: both.serialized(), as: UTF8.self) + "\n")
    } else {
        let text = String(decoding: JSONValue.object(entry).serialized(), as: UTF8.self)
        standardOutput.write("key:   \(key)\nentry: \(text)\n")
    }
    return 0
}

/// RFC 4648 section 5, without padding; whole groups of three bytes.
private func base64URL(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var text: [UInt8] = []
    for at in stride(from: 0, to: bytes.count, by: 3) {
        let group = UInt32(bytes[at]) << 16 | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2])
        for shift in [18, 12, 6, 0] { text.append(alphabet[Int(group >> UInt32(shift)) & 63]) }
    }
    return String(decoding: text, as: UTF8.self)
}
