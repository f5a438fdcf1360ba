// SPDX-License-Identifier: Apache-2.0
// A tool's result as a resource: its name, who may read it, what reading it gives, and the link to it.

import CLinux
import Glibc
import JSON
import MCP
import Synchronization

/// What names a kept result: 128 random bits.
struct KeptName: Equatable {
    static let scheme: StaticString = "jackfield-result:"
    private static let head = "jackfield-result://"
    private static let digits = 32

    let uri: String

    /// A new one.
    init() {
        var random = (UInt64(0), UInt64(0))
        // Never fails for so few bytes once the system has booted (getrandom(2)).
        _ = withUnsafeMutableBytes(of: &random) { getrandom($0.baseAddress, $0.count, 0) }
        let high = String(random.0, radix: 16)
        let low = String(random.1, radix: 16)
        uri =
            Self.head + String(repeating: "0", count: 16 - high.count) + high
            + String(repeating: "0", count: 16 - low.count) + low
    }

    /// Nil: no gateway gave out such a name.
    init?(_ uri: String) {
        guard uri.hasPrefix(Self.head), uri.utf8.count == Self.head.utf8.count + Self.digits,
            uri.utf8.dropFirst(Self.head.utf8.count).allSatisfy({
                $0 >= 48 && $0 <= 57 || $0 >= 97 && $0 <= 102
            })
        else { return nil }
        self.uri = uri
    }

    static func isMeant(by uri: UnsafeRawBufferPointer) -> Bool {
        uri.count >= scheme.utf8CodeUnitCount
            && UnsafeRawBufferPointer(rebasing: uri[..<scheme.utf8CodeUnitCount]).equals(scheme)
    }

    /// Where the store has it. Somebody else's name for it, or another endpoint's, is another key; and whoever reads the
    /// keys of the store learns no name.
    func key(_ caller: Principal, at path: String) -> String {
        var hash = SHA256()
        for text in [uri, caller.key, path] {
            var text = text
            withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { hash.update($0) }
            text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
        }
        return "/result/\(hash.finish().hex)"
    }
}

/// Bytes of kept results, of the whole gateway. Any thread.
final class KeptBudget: Sendable {
    private let held = Atomic<Int>(0)

    /// False: there is no room.
    func take(_ bytes: Int, most: UInt64) -> Bool {
        if held.add(bytes, ordering: .relaxed).newValue <= Int(clamping: most) { return true }
        held.subtract(bytes, ordering: .relaxed)
        return false
    }

    func release(_ bytes: Int) { held.subtract(bytes, ordering: .relaxed) }
}

struct KeptResult {
    let name = KeptName()
    /// The `contents` of reading it, raw JSON.
    private(set) var bytes: [UInt8] = [91]
    /// What the parts have in common, raw JSON; nil: nothing.
    private var mimeType: [UInt8]?
    private var parts = 0
    /// As MCP counts: texts in UTF-8, binaries before Base64.
    private(set) var size = 0
    private let link: (name: String, ttl: UInt64)

    /// - Parameter body: the result. Nil: it cannot be read.
    init?(of body: UnsafeRawBufferPointer, _ call: Call, _ passing: Passing, ttl: UInt64, depth: Int) {
        self.init(
            of: body, tool: passing.target.shown ?? passing.target.name, others: call.shownURIs, ttl: ttl,
            depth: depth)
    }

    /// - Parameters:
    ///   - tool: as clients know it.
    ///   - others: resources of the server that clients know under another URI.
    init?(
        of body: UnsafeRawBufferPointer, tool: String, others: [String: String] = [:], ttl: UInt64, depth: Int
    ) {
        link = (tool, ttl)
        guard let text = try? JSONText(copying: body, maxBytes: body.count, maxDepth: depth) else {
            return nil
        }
        let isRead = text.withRoot { root -> Bool in
            guard root.kind == .object else { return false }
            if let content = root.member("content"), content.kind == .array {
                for element in content.elements { add(element, others) }
            }
            if let structured = root.member("structuredContent") { add(json: structured) }
            return true
        }
        guard isRead else { return nil }
        bytes.append(93)
    }

    private mutating func add(_ element: JSONNode, _ others: [String: String]) {
        guard element.kind == .object, let type = element.member("type") else { return add(json: element) }
        if type.equals("text"), let text = element.member("text"), text.kind == .string {
            return add(name.uri, Array("\"text/plain\"".utf8), text, isBlob: false)
        }
        if let data = element.member("data"), data.kind == .string,
            type.equals("image") || type.equals("audio")
        {
            return add(name.uri, element.member("mimeType").map { [UInt8]($0.raw) }, data, isBlob: true)
        }
        if type.equals("resource"), let resource = element.member("resource"),
            let own = resource.member("uri")?.string()
        {
            let mimeType = resource.member("mimeType").map { [UInt8]($0.raw) }
            if let text = resource.member("text"), text.kind == .string {
                return add(others[own] ?? own, mimeType, text, isBlob: false)
            }
            if let blob = resource.member("blob"), blob.kind == .string {
                return add(others[own] ?? own, mimeType, blob, isBlob: true)
            }
        }
        add(json: element)
    }

    /// One part: a text or a blob, as it is written.
    private mutating func add(_ uri: String, _ mimeType: [UInt8]?, _ value: JSONNode, isBlob: Bool) {
        begin(uri, mimeType, isBlob ? "blob" : "text")
        bytes.append(contentsOf: value.raw)
        bytes.append(125)
        if isBlob {
            let padding = value.content.suffix(2).count { $0 == 61 }
            size += max(value.content.count / 4 * 3 - padding, 0)
        } else if value.hasEscapes {
            var decoded: [UInt8] = []
            _ = value.appendString(to: &decoded)
            size += decoded.count
        } else {
            size += value.content.count
        }
    }

    /// Structure, and what has no other form as a resource.
    private mutating func add(json value: JSONNode) {
        begin(name.uri, Array("\"application/json\"".utf8), "text")
        JSONWriter.appendQuoted(value.raw, to: &bytes)
        bytes.append(125)
        size += value.raw.count
    }

    private mutating func begin(_ uri: String, _ mimeType: [UInt8]?, _ key: StaticString) {
        if parts > 0 { bytes.append(44) }
        self.mimeType = parts == 0 || self.mimeType == mimeType ? mimeType : nil
        parts += 1
        bytes.append(contentsOf: "{\"uri\":".utf8)
        bytes.append(contentsOf: JSONWriter.quoted(uri))
        if let mimeType {
            bytes.append(contentsOf: ",\"mimeType\":".utf8)
            bytes.append(contentsOf: mimeType)
        }
        bytes.append(contentsOf: ",\"\(key)\":".utf8)
    }

    /// A result whose `content` ends with the link; nil: there is no such list.
    func linked(from preview: JSONText) -> JSONText? {
        let linked = preview.withRoot { root -> [UInt8]? in
            guard let content = root.member("content"), content.kind == .array,
                let start = content.raw.baseAddress, let all = preview.bytes.baseAddress
            else { return nil }
            let end = start - all + content.raw.count - 1
            var out = [UInt8](preview.bytes[..<end])
            if content.elements.contains(where: { _ in true }) { out.append(44) }
            out.append(contentsOf: written)
            out.append(contentsOf: preview.bytes[end...])
            return out
        }
        return linked.flatMap { bytes in
            bytes.withUnsafeBytes { try? JSONText(copying: $0, maxBytes: bytes.count, maxDepth: 1024) }
        }
    }

    /// The link, raw JSON.
    private var written: [UInt8] {
        let isShort = link.ttl < 120_000
        let time = isShort ? "\(link.ttl / 1000) seconds" : "\(link.ttl / 60000) minutes"
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.value("resource_link")
        writer.key("uri")
        writer.value(name.uri)
        writer.key("name")
        writer.value("result of \(link.name)")
        writer.key("description")
        writer.value("The whole result, kept for \(time)")
        if let mimeType {
            writer.key("mimeType")
            writer.raw(mimeType)
        }
        writer.key("size")
        writer.value(size)
        writer.endObject()
        return writer.bytes
    }
}
