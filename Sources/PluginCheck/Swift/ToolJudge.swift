// SPDX-License-Identifier: Apache-2.0
// Judges what a toolset lists and answers, by the shapes of MCP 2026-07-28, and makes arguments for its tools.

import CPluginCheck
import Glibc
import JSON

/// What the C half asks while a case runs. Confined to that case's thread.
final class ToolJudge {
    enum Verdict { case good, questionable(String), bad(String) }

    private struct Tool {
        let input: SchemaSample
        let output: JSONSchema?
        let keys: [String]
    }

    private var tools: [String: Tool] = [:]
    private var prompts: [JSONValue] = []
    private let seed: UInt64
    static let variants: UInt64 = 12

    init(seed: UInt64) { self.seed = seed }

    func judge(_ what: String, _ text: UnsafeRawBufferPointer) -> Verdict {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text)
        } catch {
            return .bad("it is no JSON: \(error.description)")
        }
        let words = what.split(separator: " ", maxSplits: 1).map(String.init)
        switch words.first {
        case "tools": return judgeTools(value)
        case "resources": return judgeItems(value, ["uri", "name"])
        case "templates": return judgeItems(value, ["uriTemplate", "name"])
        case "prompts":
            prompts = value.array ?? []
            return judgeItems(value, ["name"])
        case "call": return judgeResult(value, tools[words.count > 1 ? words[1] : ""])
        case "result": return judgeResult(value, nil)
        case "read": return judgeContents(value)
        case "prompt": return judgeMessages(value)
        default: return .good
        }
    }

    /// JSON, or nil: there are no more.
    func make(_ what: String, _ number: UInt64) -> String? {
        let words = what.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2 else { return nil }
        if words[0] == "prompt-arguments" { return promptArguments(Int(words[1]) ?? 0) }
        guard let tool = tools[words[1]] else { return nil }
        switch words[0] {
        case "arguments":
            let wide = number % ToolJudge.variants
            let extent: SchemaSample.Extent =
                wide == 0 ? .least : wide == 1 ? .full : .random(seed &+ wide &* 7919)
            return (tool.input.valid(extent) ?? tool.input.valid(.least))?.description
        case "wrong":
            guard let base = tool.input.valid(.least) else { return nil }
            let all = tool.input.forbidden(from: base, strictly: false)
            return number < UInt64(all.count) ? all[Int(number)].description : nil
        case "keys": return tool.keys.isEmpty ? nil : tool.keys[Int(number % UInt64(tool.keys.count))]
        default: return nil
        }
    }

    private func promptArguments(_ index: Int) -> String? {
        guard prompts.indices.contains(index) else { return nil }
        let names = (prompts[index]["arguments"]?.array ?? []).compactMap { $0["name"]?.string }
        return JSONValue.object(names.map { JSONMemberValue($0, "text") }).description
    }

    // MARK: Lists

    private func judgeItems(_ value: JSONValue, _ members: [String]) -> Verdict {
        guard let items = value.array else { return .bad("it is no array") }
        var seen: Set<String> = []
        for (index, item) in items.enumerated() {
            for member in members where item[member]?.string?.isEmpty ?? true {
                return .bad("item \(index) has no text '\(member)'")
            }
            if let name = item[members[0]]?.string, !seen.insert(name).inserted {
                return .bad("'\(name)' stands there twice")
            }
        }
        return .good
    }

    private func judgeTools(_ value: JSONValue) -> Verdict {
        tools = [:]
        let items = judgeItems(value, ["name"])
        if case .bad = items { return items }
        var doubt: String?
        for item in value.array ?? [] {
            let name = item["name"]?.string ?? ""
            guard let input = item["inputSchema"], input["type"]?.string == "object" else {
                return .bad("tool \(name) has no inputSchema of type \"object\"")
            }
            let output: JSONSchema?
            do throws(JSONSchemaError) {
                _ = try JSONSchema(input)
                output = try item["outputSchema"].map { schema throws(JSONSchemaError) in
                    try JSONSchema(schema)
                }
            } catch {
                return .bad("tool \(name) has a schema that cannot be used: \(error.message)")
            }
            for member in ["title", "description"] {
                if let text = item[member], text.string == nil {
                    return .bad("tool \(name): '\(member)' is no text")
                }
            }
            if item["description"]?.string?.isEmpty ?? true {
                doubt = doubt ?? "tool \(name) has no description"
            }
            if name.utf8.count > 128 || !name.utf8.allSatisfy(ToolJudge.isNameByte) {
                doubt =
                    doubt
                    ?? "the name of tool \(name) is not of letters, digits, '_', '-', '.' and '/', at most 128"
            }
            tools[name] = Tool(
                input: SchemaSample(input), output: output,
                keys: input["properties"]?.object?.map(\.key) ?? [])
        }
        return doubt.map { .questionable($0) } ?? .good
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 46, 47, 95: true
        default: false
        }
    }

    // MARK: Results

    private func judgeResult(_ result: JSONValue, _ tool: Tool?) -> Verdict {
        guard result.object != nil else { return .bad("it is no object") }
        if let kind = result["resultType"]?.string, kind != "complete" { return .good }
        if let flag = result["isError"], flag.bool == nil {
            return .bad("'isError' is neither true nor false")
        }
        guard let content = result["content"]?.array else { return .bad("it has no array 'content'") }
        for (index, block) in content.enumerated() {
            if let fault = ToolJudge.fault(inBlock: block) { return .bad("content[\(index)] \(fault)") }
        }
        guard let output = tool?.output, result["isError"]?.bool != true else { return .good }
        guard let structured = result["structuredContent"] else {
            return .bad("its tool has an outputSchema, but it has no 'structuredContent'")
        }
        guard let violation = output.validate(structured).first else { return .good }
        return .bad("'structuredContent' is against the tool's outputSchema: \(violation.description)")
    }

    private static func fault(inBlock block: JSONValue) -> String? {
        let wanted: [String]
        switch block["type"]?.string {
        case "text": wanted = ["text"]
        case "image", "audio": wanted = ["data", "mimeType"]
        case "resource_link": wanted = ["uri", "name"]
        case "resource":
            guard let resource = block["resource"], resource["uri"]?.string != nil else {
                return "has no resource"
            }
            return resource["text"]?.string == nil && resource["blob"]?.string == nil
                ? "has a resource without text and blob" : nil
        case let other?: return "is of the unknown type \"\(other)\""
        case nil: return "has no type"
        }
        for member in wanted where block[member]?.string == nil { return "has no text '\(member)'" }
        return nil
    }

    private func judgeContents(_ result: JSONValue) -> Verdict {
        guard let contents = result["contents"]?.array else { return .bad("it has no array 'contents'") }
        for (index, item) in contents.enumerated() {
            guard item["uri"]?.string != nil else { return .bad("contents[\(index)] has no uri") }
            if item["text"]?.string == nil, item["blob"]?.string == nil {
                return .bad("contents[\(index)] has neither text nor blob")
            }
        }
        return .good
    }

    private func judgeMessages(_ result: JSONValue) -> Verdict {
        guard let messages = result["messages"]?.array else { return .bad("it has no array 'messages'") }
        for (index, message) in messages.enumerated() {
            guard let role = message["role"]?.string, ["user", "assistant"].contains(role) else {
                return .bad("messages[\(index)] has no role \"user\" or \"assistant\"")
            }
            guard let content = message["content"] else { return .bad("messages[\(index)] has no content") }
            if let fault = ToolJudge.fault(inBlock: content) {
                return .bad("messages[\(index)].content \(fault)")
            }
        }
        return .good
    }
}

/// The slot `check_setup.judge`.
func judgeForC(
    _ user: UnsafeMutableRawPointer?, _ what: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?,
    _ length: Int,
    _ why: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int32 {
    guard let user, let what, let why, size > 0 else { return Int32(CHECK_GOOD) }
    let judge = Unmanaged<ToolJudge>.fromOpaque(user).takeUnretainedValue()
    func say(_ text: String, _ verdict: Int) -> Int32 {
        let bytes = Array(text.utf8.prefix(size - 1))
        for (at, byte) in bytes.enumerated() { why[at] = CChar(bitPattern: byte) }
        why[bytes.count] = 0
        return Int32(verdict)
    }
    switch judge.judge(String(cString: what), UnsafeRawBufferPointer(start: text, count: length)) {
    case .good: return Int32(CHECK_GOOD)
    case .questionable(let text): return say(text, Int(CHECK_QUESTIONABLE))
    case .bad(let text): return say(text, Int(CHECK_BAD))
    }
}

/// The slot `check_setup.make`.
func makeForC(
    _ user: UnsafeMutableRawPointer?, _ what: UnsafePointer<CChar>?, _ number: UInt64
) -> UnsafeMutablePointer<CChar>? {
    guard let user, let what else { return nil }
    let judge = Unmanaged<ToolJudge>.fromOpaque(user).takeUnretainedValue()
    return judge.make(String(cString: what), number).flatMap { strdup($0) }
}
