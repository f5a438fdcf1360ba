// SPDX-License-Identifier: Apache-2.0
// What one endpoint path shows: the names on it, who owns each, and the lists as ready bytes.

import CJackfield
import JSON
import MCP
import Synchronization

/// Bytes at a fixed address, written to sockets from where they are. Immutable after init.
final class ReadyBytes: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init(_ array: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(array.count, 1), alignment: 64)
        memory.copyBytes(from: array)
        bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[0..<array.count])
    }

    deinit { UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.deallocate() }

    /// Lets a transport keep these bytes while a slow reader takes them, instead of copying what the socket refused.
    static func offer(
        _ ready: ReadyBytes, _ parts: UnsafeBufferPointer<ByteSegment>, _ message: inout jf_message
    ) {
        guard
            let at = parts.firstIndex(where: { part in
                part.pointer.map { UnsafeRawPointer($0) } == ready.bytes.baseAddress
            }), at < 64
        else { return }
        message.owner = Unmanaged.passUnretained(ready).toOpaque()
        message.retain = retainReady
        message.release = releaseReady
        message.retainable = 1 << UInt64(at)
    }
}

private func retainReady(_ owner: UnsafeMutableRawPointer?) -> Int32 {
    guard let owner else { return Int32(JF_E_INVALID) }
    _ = Unmanaged<ReadyBytes>.fromOpaque(owner).retain()
    return Int32(JF_OK)
}

private func releaseReady(_ owner: UnsafeMutableRawPointer?) {
    if let owner { Unmanaged<ReadyBytes>.fromOpaque(owner).release() }
}

/// One shown item and its owner.
final class ViewEntry: Sendable {
    /// Index into the catalogue's servers.
    let server: Int
    let kind: ItemKind
    let item: ListedItem
    /// The name, URI or template as clients of this view see it.
    let shown: String
    /// The URI under which clients of this view know the tool's interface, where its own differs.
    let shownInterface: String?
    /// Why it is neither shown nor called, in words that follow its name; nil: it is.
    let withheld: String?
    /// The server's own spelling as a JSON string, for the request sent to it.
    let quotedOriginal: [UInt8]
    /// Where a call that names it leads.
    let target: Lane.Target

    init(
        server: Int, kind: ItemKind, item: ListedItem, shown: String, shownInterface: String? = nil,
        withheld: String? = nil
    ) {
        self.server = server
        self.kind = kind
        self.item = item
        self.shown = shown
        self.shownInterface = shownInterface
        self.withheld = withheld
        let quoted = JSONWriter.quoted(item.key)
        quotedOriginal = quoted
        target = Lane.Target(server: server, kind, item, shown: shown, quoted: quoted)
    }

    var isRenamed: Bool { shown != item.key }
}

/// A set of servers' items under one path. Immutable, shared by all loops; lists are rendered when first asked for.
final class View: Sendable {
    let path: String
    /// Servers that take part, as indexes into the catalogue.
    let servers: [Int]
    let description: String?
    /// Whether URIs that nobody listed may be read here.
    let allowsUnlisted: Bool
    /// By kind, as lists show them.
    let entries: [[ViewEntry]]
    /// Resources that are found here though no list names them.
    private let unlisted: [ViewEntry]
    /// By server: its own URI of a resource → the one shown, where they differ.
    private let renamed: [Int: [String: String]]
    /// Entries that have their names and are not shown. No call finds them in its table.
    private let withheld: [String: String]
    private let tables: [NameTable]
    private let templates: [(template: URITemplate, entry: Int)]
    /// Modern servers that make tasks of calls as they see fit: legacy clients may ask for one.
    private let taskServers: Set<Int>
    /// By kind.
    private let freshness: [Freshness]
    private let pageSize: Int
    /// Distinguishes the lists of one generation from those of the next, for cursors and change notices.
    let fingerprints: [UInt64]
    /// What cursors of its lists carry: the fingerprint, and whose list it is.
    let marks: [UInt64]
    private let rendered = Mutex<[Int: [ReadyBytes]]>([:])

    /// - Parameter allEntries: by kind, those that are withheld among them.
    init(
        path: String, servers: [Int], description: String?, entries allEntries: [[ViewEntry]],
        unlisted: [ViewEntry] = [], freshness: [Freshness], pageSize: Int, allowsUnlisted: Bool = true,
        taskServers: Set<Int> = []
    ) {
        self.taskServers = taskServers
        self.path = path
        self.servers = servers
        self.description = description
        var withheld: [String: String] = [:]
        for entry in allEntries.joined() { if let why = entry.withheld { withheld[entry.shown] = why } }
        self.withheld = withheld
        let entries =
            withheld.isEmpty ? allEntries : allEntries.map { $0.filter { entry in entry.withheld == nil } }
        self.entries = entries
        self.unlisted = unlisted
        self.freshness = freshness
        self.pageSize = pageSize
        self.allowsUnlisted = allowsUnlisted
        var renamed: [Int: [String: String]] = [:]
        for entry in entries[ItemKind.resources.rawValue] + unlisted where entry.isRenamed {
            renamed[entry.server, default: [:]][entry.item.key] = entry.shown
        }
        self.renamed = renamed
        tables = ItemKind.allCases.map { kind in
            let found = entries[kind.rawValue] + (kind == .resources ? unlisted : [])
            return NameTable(found.enumerated().map { ($0.element.shown, $0.offset) })
        }
        templates = entries[ItemKind.templates.rawValue].enumerated()
            .map { (URITemplate($0.element.shown), $0.offset) }
            .sorted { $0.0.specificity > $1.0.specificity }
        fingerprints = View.fingerprints(of: entries)
        marks = fingerprints
    }

    /// What somebody may see of another view. Only for lists: names are looked up in the whole one.
    /// - Parameters:
    ///   - shows: by kind and place in `entries`.
    ///   - mark: tells its cursors from those of other people.
    init(_ whole: View, showing shows: [[Bool]], mark: UInt64) {
        let entries = zip(whole.entries, shows).map { kind, shows in
            zip(kind, shows).filter(\.1).map(\.0)
        }
        let seen = Set(entries.joined().map(\.server))
        path = whole.path
        servers = whole.servers.filter { seen.contains($0) }
        description = whole.description
        allowsUnlisted = whole.allowsUnlisted
        self.entries = entries
        unlisted = []
        renamed = [:]
        withheld = [:]
        tables = ItemKind.allCases.map { _ in NameTable([]) }
        templates = []
        taskServers = whole.taskServers
        // What is one person's is not for caches that others read.
        freshness = whole.freshness.map { Freshness(ttl: $0.ttl, end: $0.end, isPublic: false) }
        pageSize = whole.pageSize
        fingerprints = View.fingerprints(of: entries)
        marks = fingerprints.map { $0 ^ mark }
    }

    private static func fingerprints(of entries: [[ViewEntry]]) -> [UInt64] {
        entries.map { kind in
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for entry in kind {
                for text in [entry.shown, entry.shownInterface ?? ""] {
                    text.utf8.forEach { hash = (hash ^ UInt64($0)) &* 0x100_0000_01b3 }
                }
                hash = entry.item.raw.withUnsafeBytes { (hash ^ NameTable.hash($0)) &* 0x100_0000_01b3 }
            }
            return hash
        }
    }

    func count(_ kind: ItemKind) -> Int { entries[kind.rawValue].count }

    /// Why a tool of this name is not found though a server has it.
    func withheld(_ tool: String) -> String? { withheld[tool] }

    /// The entry of an exact name or URI.
    func find(_ kind: ItemKind, _ name: UnsafeRawBufferPointer) -> ViewEntry? {
        tables[kind.rawValue].find(name).map { at in
            let listed = entries[kind.rawValue]
            return at < listed.count ? listed[at] : unlisted[at - listed.count]
        }
    }

    /// The resources of a server that clients of this view know under another URI: the server's own → the one shown.
    func shownURIs(of server: Int) -> [String: String] { renamed.isEmpty ? [:] : renamed[server] ?? [:] }

    /// The template that could have produced a URI, the most literal one first.
    func template(for uri: UnsafeRawBufferPointer) -> ViewEntry? {
        templates.first { $0.template.matches(uri) }.map { entries[ItemKind.templates.rawValue][$0.entry] }
    }

    /// How long a list is fresh from `now` on, in milliseconds.
    func ttl(_ kind: ItemKind, at now: UInt64) -> UInt64 { freshness[kind.rawValue].remaining(at: now) }

    /// Writes the answer to a list request: a page of `pages`, with the freshness that is left.
    /// - Parameters:
    ///   - id: the client's id, raw JSON.
    ///   - now: the loop's clock, in nanoseconds.
    func write(
        _ page: ReadyBytes, _ kind: ItemKind, _ shape: ListShape, id: UnsafeRawBufferPointer, now: UInt64,
        into out: MessageBuilder
    ) {
        let ttl = shape == .modern ? ttl(kind, at: now) : 0
        guard ttl > 0 else { return Answers.result(id: id, page.bytes, into: out) }
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(id)
        out.literal(",\"result\":")
        out.bytes(UnsafeRawBufferPointer(rebasing: page.bytes.dropLast(View.staleEnd.utf8CodeUnitCount)))
        out.integer(ttl)
        out.literal("}}")
    }

    /// What a modern page ends with, behind `"ttlMs":`. All else of a page stays the same while the time runs out.
    private static let staleEnd: StaticString = "0}"

    /// The pages of a list, each a whole result object, ready to be written; modern ones as stale, see `write`.
    func pages(_ kind: ItemKind, _ shape: ListShape) -> [ReadyBytes] {
        let key = kind.rawValue * 4 + shape.rawValue
        return rendered.withLock { rendered in
            if let ready = rendered[key] { return ready }
            let pages = render(kind, shape)
            rendered[key] = pages
            return pages
        }
    }

    private func render(_ kind: ItemKind, _ shape: ListShape) -> [ReadyBytes] {
        let items = entries[kind.rawValue]
        let size = pageSize == 0 ? max(items.count, 1) : pageSize
        var pages: [ReadyBytes] = []
        var start = 0
        repeat {
            let end = min(start + size, items.count)
            var out: [UInt8] = []
            out.append(contentsOf: "{".utf8)
            if shape == .modern {
                out.append(contentsOf: "\"resultType\":\"complete\",\"_meta\":{".utf8)
                out.append(contentsOf: "\"io.modelcontextprotocol/serverInfo\":\(Product.identity)},".utf8)
                let isPublic = freshness[kind.rawValue].isPublic
                out.append(contentsOf: "\"cacheScope\":\(isPublic ? "\"public\"," : "\"private\",")".utf8)
            }
            out.append(contentsOf: "\"\(kind.member)\":[".utf8)
            for at in start..<end {
                if at > start { out.append(44) }
                let entry = items[at]
                let start = out.count
                entry.item.append(as: entry.shown, interface: entry.shownInterface, shape, to: &out)
                if kind == .tools, shape == .tasks, taskServers.contains(entry.server), out.count > start + 2
                {
                    out.insert(
                        contentsOf: "\"execution\":{\"taskSupport\":\"optional\"},".utf8, at: start + 1)
                }
            }
            out.append(93)
            if end < items.count {
                let next = Cursor(fingerprint: marks[kind.rawValue], offset: pages.count + 1)
                out.append(contentsOf: ",\"nextCursor\":\"\(next.text)\"".utf8)
            }
            out.append(contentsOf: shape == .modern ? ",\"ttlMs\":\(View.staleEnd)".utf8 : "}".utf8)
            pages.append(ReadyBytes(out))
            start = end
        } while start < items.count
        return pages
    }
}
