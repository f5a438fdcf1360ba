// SPDX-License-Identifier: Apache-2.0
// The arguments of a tool or prompt as the command line gives them: one JSON object, or key=value pairs.

import Glibc
import JSON

enum GivenArguments: Sendable, Equatable {
    case object(JSONValue)
    case pairs([Pair])

    struct Pair: Sendable, Equatable {
        let key: String
        /// The text, or the content of the file that it named.
        let text: String
    }

    /// Reads the words behind the name. Files and standard input are read here.
    init(_ words: [String], readFile: (String) -> Result<[UInt8], ReadFailure> = readWholeFile)
        throws(UsageProblem)
    {
        if let first = words.first, first == "-" || first.hasPrefix("{") {
            guard words.count == 1 else {
                throw UsageProblem(
                    "a JSON object and key=value pairs exclude each other",
                    hint: "quote the object as one word")
            }
            self = .object(try GivenArguments.object(first, readFile))
            return
        }
        var pairs: [Pair] = []
        for word in words {
            guard let sign = word.firstIndex(of: "="), sign > word.startIndex else {
                throw UsageProblem(
                    "'\(word)' is neither key=value nor a JSON object",
                    hint: "write text=hello, or '{\"text\": \"hello\"}'")
            }
            let key = String(word[..<sign])
            guard !pairs.contains(where: { $0.key == key }) else {
                throw UsageProblem("'\(key)' is given twice", hint: "write a list as \(key)='[1, 2]'")
            }
            let text = String(word[word.index(after: sign)...])
            pairs.append(Pair(key: key, text: try GivenArguments.resolved(text, readFile)))
        }
        self = .pairs(pairs)
    }

    private static func object(
        _ word: String, _ readFile: (String) -> Result<[UInt8], ReadFailure>
    ) throws(UsageProblem) -> JSONValue {
        let isInput = word == "-"
        let bytes = isInput ? try content("/dev/stdin", "standard input", readFile) : Array(word.utf8)
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw UsageProblem(
                "\(isInput ? "standard input" : "the argument") is not valid JSON: \(error)",
                hint: "quote it for the shell: '{\"text\": \"hello\"}'")
        }
        guard value.object != nil else {
            throw UsageProblem(
                "arguments are a JSON object, not \(value.kind)", hint: "write '{\"text\": \"hello\"}'")
        }
        return value
    }

    /// `@file` is the file's content; `@@text` is `@text`.
    private static func resolved(
        _ text: String, _ readFile: (String) -> Result<[UInt8], ReadFailure>
    ) throws(UsageProblem) -> String {
        guard text.hasPrefix("@") else { return text }
        let name = String(text.dropFirst())
        if name.hasPrefix("@") { return name }
        let bytes = try content(name, name, readFile)
        guard let content = String(validating: bytes, as: UTF8.self) else {
            throw UsageProblem("\(name) is not UTF-8 text", hint: "encode it first, as base64 say")
        }
        return content
    }

    private static func content(
        _ path: String, _ name: String, _ readFile: (String) -> Result<[UInt8], ReadFailure>
    ) throws(UsageProblem) -> [UInt8] {
        switch readFile(path) {
        case .success(let bytes): return bytes
        case .failure(let failure):
            throw UsageProblem(
                "cannot read \(name): \(failure.reason)", hint: "write @@ for a text that begins with @")
        }
    }

    /// The arguments of a tool.
    func object(for schema: ToolSchema) throws(ToolSchema.Argument.Mismatch) -> JSONValue {
        guard case .pairs(let pairs) = self else {
            if case .object(let value) = self { return value }
            return [:]
        }
        var members: [JSONMemberValue] = []
        for pair in pairs {
            if let argument = schema.argument(pair.key) {
                members.append(.init(pair.key, try argument.value(of: pair.text)))
            } else if schema.isOpen {
                members.append(.init(pair.key, .string(pair.text)))
            } else {
                let near = nearestSpelling(of: pair.key, among: schema.arguments.map(\.name))
                let names = schema.arguments.map(\.name).joined(separator: ", ")
                throw .init(
                    message: "there is no argument '\(pair.key)'"
                        + (near.map { "; did you mean '\($0)'?" }
                            ?? (names.isEmpty ? "" : "; there are: \(names)")))
            }
        }
        return .object(members)
    }

    /// The arguments of a prompt, which are strings.
    var texts: JSONValue {
        switch self {
        case .object(let value): value
        case .pairs(let pairs): .object(pairs.map { .init($0.key, .string($0.text)) })
        }
    }
}

/// Why a file was not read; a clause.
struct ReadFailure: Error, Equatable {
    let reason: String
}

/// A whole file or stream, of 64 MiB at most.
func readWholeFile(_ path: String) -> Result<[UInt8], ReadFailure> {
    let limit = 64 << 20
    let descriptor = path == "/dev/stdin" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .failure(ReadFailure(reason: String(cString: strerror(errno)))) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &part, part.count)
        if count == 0 { return .success(bytes) }
        if count < 0 {
            if errno == EINTR { continue }
            return .failure(ReadFailure(reason: String(cString: strerror(errno))))
        }
        bytes += part[..<count]
        if bytes.count > limit { return .failure(ReadFailure(reason: "it is larger than 64 MiB")) }
    }
}
