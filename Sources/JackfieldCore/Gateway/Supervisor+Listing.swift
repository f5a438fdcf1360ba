// SPDX-License-Identifier: Apache-2.0
// What a server offers: fetched page by page, and again when it says that something changed.

import CJackfield
import CLinux
import JSON
import MCP

/// A listing under way.
final class ListingWork {
    var kinds: [ItemKind]
    var result: ServerListing
    var items: [ListedItem] = []
    var seen: Set<String> = []
    var cursors: Set<String> = []
    /// Of the list under way: what its pages have said so far, and when the first of them came.
    var ttl: UInt64?
    var isPublic = true
    var receivedAt: UInt64 = 0
    var bytes = 0
    /// It follows a handshake, so the server is there.
    let isFirst: Bool

    init(kinds: [ItemKind], from known: ServerListing?, isFirst: Bool = true) {
        self.kinds = kinds
        self.isFirst = isFirst
        result = known ?? ServerListing()
    }
}

extension Supervisor {
    /// Bytes that all lists of one server may have together.
    private static var byteLimit: Int { 64 << 20 }

    /// Lists the kinds that the server offers: all, or those that changed.
    func list(all: Bool) {
        let wanted = all ? Set(ItemKind.allCases) : dirty
        dirty = []
        step = .listing
        turn += 1
        let kinds = ItemKind.allCases.filter { wanted.contains($0) && status.capabilities.offers($0) }
        let work = ListingWork(kinds: kinds, from: all ? nil : listing, isFirst: all)
        nextKind(work)
    }

    /// Something changed: list it again, now or after the listing under way.
    func listChanged(_ kind: ItemKind) {
        dirty.insert(kind)
        emptied.announced(kind)
        if kind == .resources { dirty.insert(.templates) }
        guard step == .up else { return }
        if isToolset { listToolset() } else { list(all: false) }
    }

    private func nextKind(_ work: ListingWork) {
        guard let kind = work.kinds.first else { return listed(work) }
        work.items = []
        work.seen = []
        work.cursors = []
        work.ttl = nil
        work.isPublic = true
        page(work, kind, cursor: nil)
    }

    private func page(_ work: ListingWork, _ kind: ItemKind, cursor: String?) {
        let more = cursor.map { "\"cursor\":\(String(decoding: JSONWriter.quoted($0), as: UTF8.self))" } ?? ""
        let isModern = status.revision?.isModern ?? false
        let mine = turn
        request(
            kind.listMethod, params: isModern ? modernParams(more) : "{\(more)}", revision: status.revision,
            timeout: lane.limits.probeTimeout
        ) { [weak self] answer in
            guard let self, self.turn == mine else { return }
            self.paged(work, kind, answer)
        }
    }

    private func paged(_ work: ListingWork, _ kind: ItemKind, _ answer: InternalAnswer) {
        switch answer {
        case .result(let envelope, _):
            guard let result = envelope.outcome, let items = result.member(kind.member), items.kind == .array
            else {
                return keepOld(work, kind, "its answer has no \"\(kind.member)\" array")
            }
            take(work, kind, items)
            if work.ttl == nil { work.receivedAt = lane.loop.now }
            let ttl = UInt64(clamping: max(0, result.member("ttlMs")?.int64 ?? 0))
            work.ttl = min(work.ttl ?? ttl, ttl)
            work.isPublic = work.isPublic && result.member("cacheScope")?.equals("public") == true
            let next = result.member("nextCursor")?.string()
            if let next, work.items.count < lane.limits.itemsPerServer, work.bytes < Supervisor.byteLimit {
                guard work.cursors.insert(next).inserted else {
                    return keepOld(work, kind, "its cursors go round in circles")
                }
                return page(work, kind, cursor: next)
            }
            finished(work, kind)
        case .error(let envelope, _):
            // Advertised as a whole, missing in part: resource templates above all.
            if envelope.outcome?.member("code")?.int64 == -32601 { return finished(work, kind) }
            keepOld(work, kind, text(envelope))
        case .status(let status): notListed(work, kind, lane.statusText(status), isThere: true)
        case .failed(let why, _): notListed(work, kind, why, isThere: work.isFirst)
        case .timedOut: keepOld(work, kind, "no answer in time")
        }
    }

    private func take(_ work: ListingWork, _ kind: ItemKind, _ items: JSONNode) {
        // The index of an answer stops at the depth that calls need; items want all of theirs.
        guard let text = try? JSONText(copying: items.raw) else { return }
        text.withRoot { root in
            for node in root.elements {
                guard work.items.count < lane.limits.itemsPerServer else {
                    return log.write(
                        .warning, "server lists more than the limit; the rest is left out",
                        [
                            .init("server", server.name), .init("list", "\(kind.member)"),
                            .init("limit", String(lane.limits.itemsPerServer)),
                        ])
                }
                do throws(ListingProblem) {
                    let item = try ListedItem.read(node, kind)
                    guard work.seen.insert(item.key).inserted else {
                        throw ListingProblem("the list has another of this \(kind.key) before it")
                    }
                    work.bytes += item.raw.count
                    work.items.append(item)
                } catch {
                    let name = node.member(kind.key)?.string() ?? "?"
                    log.write(
                        .warning, "item left out of a list",
                        [.init("server", server.name), .init("item", name), .init("why", error.message)])
                }
            }
        }
    }

    private func finished(_ work: ListingWork, _ kind: ItemKind) {
        if work.items.isEmpty, let before = listing?[kind].count, before > 0, server.plan.keepStale,
            !emptied.isBelieved(kind, lane.loop.now)
        {
            return keepOld(work, kind, "it lists none, where it had \(before) before")
        }
        emptied.settled(kind)
        work.result[kind] = work.items
        work.result.freshness[kind.rawValue] = freshness(work, kind)
        work.result.failed.remove(kind)
        work.kinds.removeFirst()
        nextKind(work)
    }

    /// How long the list just fetched may be taken as it is: a modern server says so. A legacy one does not; where it
    /// announces changes to us, a short span is safe.
    private func freshness(_ work: ListingWork, _ kind: ItemKind) -> Freshness {
        if status.revision?.isModern == true, let ttl = work.ttl {
            return .received(ttl: ttl, isPublic: work.isPublic, now: work.receivedAt)
        }
        let known = status.capabilities
        let isAnnounced =
            switch kind {
            case .tools: known.toolsListChanged
            case .resources, .templates: known.resourcesListChanged
            case .prompts: known.promptsListChanged
            }
        return Freshness(ttl: isAnnounced ? 5000 : 0, end: nil, isPublic: false)
    }

    /// One list failed, the server lives: what was known of that kind stays, and it is asked for again.
    private func keepOld(_ work: ListingWork, _ kind: ItemKind, _ why: String) {
        log.write(
            .warning, "a list failed; it is tried again, and what was known stays",
            [.init("server", server.name), .init("list", "\(kind.member)"), .init("why", why)])
        unlisted.insert(kind)
        unlistedWhy = "\(kind.member) could not be listed: \(why)"
        work.result[kind] = listing?[kind] ?? []
        work.result.freshness[kind.rawValue] = listing?.freshness[kind.rawValue] ?? .stale
        work.result.failed.insert(kind)
        work.kinds.removeFirst()
        nextKind(work)
    }

    /// No answer of MCP's came. A server that has just shaken hands, or answers at all, can go on with what it listed
    /// before; else a handshake finds out whether it is there.
    private func notListed(_ work: ListingWork, _ kind: ItemKind, _ why: String, isThere: Bool) {
        guard server.plan.keepStale, listing?[kind].isEmpty == false else { return failed(kind, why) }
        if isThere { return keepOld(work, kind, why) }
        log.write(
            .warning, "a list failed; the server is asked whether it is there",
            [.init("server", server.name), .init("list", "\(kind.member)"), .init("why", why)])
        probe()
    }

    private func failed(_ kind: ItemKind, _ why: String) {
        down("listing \(kind.member) failed: \(why)", retryAfter: nil)
    }

    private func listed(_ work: ListingWork) {
        listing = work.result
        if let problem = missingTools(work.result) { return down(problem, retryAfter: nil) }
        proveHealth { [weak self] in self?.announce(work) }
    }

    private func announce(_ work: ListingWork) {
        let counts = ItemKind.allCases.map { "\($0.member)=\(work.result[$0].count)" }.joined(separator: " ")
        log.write(
            .info, "server is up",
            [
                .init("server", server.name),
                .init("revision", status.revision.map { "\($0.text)" } ?? "in process"),
                .init("lists", counts),
            ])
        up()
        if !dirty.isEmpty { return list(all: false) }
        armRefresh()
    }

    /// Lists that failed come again soon; those of a server that announces no changes, every few minutes.
    private func armRefresh() {
        guard !isToolset else { return }
        var kinds = unlisted
        unlisted = []
        let delay: UInt64
        if kinds.isEmpty {
            listBackOff.reset()
            let known = status.capabilities
            if known.tools, !known.toolsListChanged { kinds.insert(.tools) }
            if known.resources, !known.resourcesListChanged { kinds.formUnion([.resources, .templates]) }
            if known.prompts, !known.promptsListChanged { kinds.insert(.prompts) }
            if kinds.isEmpty { return }
            // A freshness is no poll interval: never oftener than every five minutes, and not in step with others.
            delay = max(300_000_000_000, (listing?.ttl ?? 0) * 1_000_000) + lane.nextSpan() % 60_000_000_000
        } else {
            delay = listBackOff.next(lane.nextSpan())
        }
        if refreshTimer != 0 { lane.loop.cancelAfter(refreshTimer) }
        let wanted = kinds
        refreshTimer = lane.loop.after(delay) { [weak self] in
            guard let self, !self.isStopped else { return }
            self.refreshTimer = 0
            guard self.step == .up else { return }
            self.dirty.formUnion(wanted)
            self.list(all: false)
        }
    }

    // MARK: Toolsets

    /// Asks an in-process server for its lists.
    func listToolset() {
        guard let channel, let slot = channel.instance.toolset?.list else {
            return down("its plugin has no toolset", retryAfter: nil)
        }
        dirty = []
        let work = ListingWork(kinds: [], from: nil)
        var capabilities = ServerCapabilities()
        for kind in ItemKind.allCases {
            var blob = jf_blob.none
            var fault = jf_fault.empty()
            let answer = channel.instance.alone {
                slot(channel.instance.own, channel.remote, UInt32(kind.rawValue), &blob, &fault)
            }
            defer { blob.dropOnce() }
            if answer == JF_ABSENT { continue }
            guard answer == JF_OK, let text = try? JSONText(copying: blob.bytes) else {
                let why = fault.message.isEmpty ? "it answered \(statusName(answer))" : fault.message
                return down("listing \(kind.member) failed: \(why)", retryAfter: nil)
            }
            work.items = []
            work.seen = []
            text.withRoot { take(work, kind, $0) }
            work.result[kind] = work.items
            // Its changes are told to us, and it knows no callers.
            work.result.freshness[kind.rawValue] = Freshness(ttl: 5000, end: nil, isPublic: true)
            switch kind {
            case .tools: capabilities.tools = true
            case .resources, .templates: capabilities.resources = true
            case .prompts: capabilities.prompts = true
            }
        }
        capabilities.completions = channel.instance.toolset?.complete != nil
        status.capabilities = capabilities
        status.revision = .newest
        status.epoch += 1
        listed(work)
    }
}
