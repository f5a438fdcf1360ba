// SPDX-License-Identifier: Apache-2.0
// Judges what servers list: against the lock where there is one, else against what they listed before.

/// Belongs to the control loop. It works when a catalogue is built of a new listing, never during a call.
final class DriftWatch {
    private let log: Log
    private let counters: Counters
    private var known: [String: Known] = [:]
    private(set) var plan: LockPlan?
    /// Counts the plans: a ruling holds for one of them.
    private var revision = 0

    /// - Parameter plan: what servers are held to; nil: to nothing.
    init(_ plan: LockPlan?, log: Log, counters: Counters) {
        self.plan = plan
        self.log = log
        self.counters = counters
    }

    /// What was last seen of a server.
    private struct Known {
        let generation: UInt64
        let revision: Int
        /// Its whole listing of tools, as it came.
        let listed: [ListedItem]
        /// Those of them that are shown: what is judged.
        var tools: [String: ListedItem] = [:]
        /// Hashes, good for as long as the items' bytes stay. Only servers that are held to a lock have them.
        var digests: [String: SHA256Digest] = [:]
        var ruling = ToolRuling.none
        /// In what its tools differ from the lock.
        var findings: [String: Finding] = [:]
        var budget = LogBudget()
    }

    private enum Finding: Equatable {
        case changed(SHA256Digest), added, removed
    }

    /// Takes a new plan over. Every server is judged again when it is next asked for.
    func adopt(_ plan: LockPlan?) {
        self.plan = plan
        revision += 1
    }

    /// Forgets servers that are gone: what comes back under such a name is another.
    func keep(only names: Set<String>) {
        known = known.filter { names.contains($0.key.split(separator: "/").first.map(String.init) ?? "") }
    }

    /// What holds of a server's tools now.
    /// - Parameter now: the control loop's clock, in nanoseconds.
    func judge(_ record: ServerRecord, now: UInt64) -> ToolRuling {
        guard let listing = record.listing else { return .none }
        let name = record.server.name
        return judge(record.server, listing, as: name, known: name, now: now)
    }

    /// The same for what one endpoint of a server listed.
    /// - Parameters:
    ///   - name: under which the lock has it.
    ///   - key: under which it is remembered: the server's name, or that with a slash and more.
    func judge(
        _ server: Server, _ listing: ServerListing, as name: String, known key: String, now: UInt64
    ) -> ToolRuling {
        let before = known[key]
        let listed = listing[.tools]
        // A list that never came says nothing about what is in it.
        if listing.failed.contains(.tools), listed.isEmpty { return .none }
        if let before, before.generation == server.generation, before.revision == revision,
            before.listed == listed
        {
            return before.ruling
        }
        var next = Known(generation: server.generation, revision: revision, listed: listed)
        if let before { next.budget = before.budget }
        let selection = server.plan.tools
        for item in listed where selection.shows(item.key) { next.tools[item.key] = item }
        if let plan, !plan.except.contains(server.name) {
            let approved = plan.lock.servers[name]
            find(&next, approved ?? [:], before)
            rule(&next, plan)
            report(&next, approved, plan, before, name, now)
        } else if let before {
            reportChanges(&next, before, name, now)
        }
        known[key] = next
        return next.ruling
    }

    // MARK: With a lock

    private func find(_ next: inout Known, _ approved: [String: ToolDefinition], _ before: Known?) {
        for (name, item) in next.tools {
            let isKnown = before?.tools[name]?.raw == item.raw
            // What could not be read would differ from everything.
            let digest =
                (isKnown ? before?.digests[name] : nil) ?? ToolDefinition(item)?.digest
                ?? item.raw.withUnsafeBytes { SHA256.digest(of: $0) }
            next.digests[name] = digest
            guard let old = approved[name] else {
                next.findings[name] = .added
                continue
            }
            if digest != old.digest { next.findings[name] = .changed(digest) }
        }
        for name in approved.keys where next.tools[name] == nil { next.findings[name] = .removed }
    }

    private func rule(_ next: inout Known, _ plan: LockPlan) {
        let isAsApproved = next.findings.values.allSatisfy { $0 == .added }
        if plan.onChange == .refuse, !isAsApproved {
            next.ruling.isRefused = true
            for name in next.tools.keys {
                next.ruling.withheld[name] = "its server's tools are not those that were approved"
            }
            return
        }
        for (name, finding) in next.findings {
            switch finding {
            case .added where plan.quarantinesNew:
                next.ruling.withheld[name] = "nobody has approved it"
            case .changed where plan.onChange == .quarantine:
                next.ruling.withheld[name] = "its definition is not the one that was approved"
            default: break
            }
        }
    }

    /// Says what is news since the server was last judged.
    private func report(
        _ next: inout Known, _ approved: [String: ToolDefinition]?, _ plan: LockPlan, _ before: Known?,
        _ server: String, _ now: UInt64
    ) {
        let news = next.findings.filter { before?.findings[$0.key] != $0.value }.sorted { $0.key < $1.key }
        counters.add(.toolsDrifted, news.count)
        guard let approved else {
            if !news.isEmpty {
                write(
                    &next, plan.quarantinesNew ? .warning : .info,
                    "the lock file does not have this server" + fate(plan, .added), now,
                    [
                        .init("server", server), .init("tools", String(next.tools.count)),
                        .init("file", plan.file),
                    ])
            }
            return
        }
        for (name, finding) in news {
            var fields: [Log.Field] = [.init("server", server), .init("tool", name)]
            switch finding {
            case .added:
                write(
                    &next, plan.quarantinesNew ? .warning : .info,
                    "a tool is not in the lock file" + fate(plan, finding), now, fields)
            case .removed:
                write(&next, .warning, "a tool of the lock file is gone" + fate(plan, finding), now, fields)
            case .changed:
                let definition = next.tools[name].flatMap { ToolDefinition($0) }
                if let old = approved[name], let definition {
                    let difference = DefinitionDifference(from: old.value, to: definition.value)
                    fields.append(.init("difference", difference.summary))
                }
                write(
                    &next, .warning, "a tool differs from the lock file" + fate(plan, finding), now, fields)
            }
        }
        if let before, !before.findings.isEmpty, next.findings.isEmpty {
            write(&next, .info, "all tools are as approved again", now, [.init("server", server)])
        }
    }

    /// What becomes of a tool of which something was found.
    private func fate(_ plan: LockPlan, _ finding: Finding) -> String {
        let way = "approve it with 'jackfield lock --update' and HUP"
        switch finding {
        case .added: return plan.quarantinesNew ? "; hidden and not called: \(way)" : ""
        case .changed where plan.onChange == .quarantine: return "; hidden and not called: \(way)"
        case .changed, .removed:
            return plan.onChange == .refuse ? "; nothing of its server is shown: \(way)" : ""
        }
    }

    // MARK: Without one

    /// Tools that another listing described otherwise, while this gateway ran.
    private func reportChanges(_ next: inout Known, _ before: Known, _ server: String, _ now: UInt64) {
        for (name, item) in next.tools.sorted(by: { $0.key < $1.key }) {
            let fields: [Log.Field] = [.init("server", server), .init("tool", name)]
            guard let old = before.tools[name] else {
                write(&next, .info, "a server lists a new tool", now, fields)
                continue
            }
            guard old.raw != item.raw, let from = ToolDefinition(old), let to = ToolDefinition(item),
                from.digest != to.digest
            else { continue }
            counters.add(.toolsDrifted)
            let difference = DefinitionDifference(from: from.value, to: to.value)
            write(
                &next, .warning, "a tool's definition changed", now,
                fields + [.init("difference", difference.summary)])
        }
        for name in before.tools.keys.sorted() where next.tools[name] == nil {
            write(
                &next, .info, "a server does not list a tool any more", now,
                [.init("server", server), .init("tool", name)])
        }
    }

    private func write(
        _ next: inout Known, _ level: Log.Level, _ text: String, _ now: UInt64, _ fields: [Log.Field]
    ) {
        guard log.isEnabled(level), let unsaid = next.budget.take(now) else { return }
        let more: [Log.Field] = unsaid > 0 ? [.init("unsaid", String(unsaid))] : []
        log.write(level, text, fields + more)
    }
}

/// How many records of one server are written: 64 at once, then one each 10 seconds. A server whose list changes with every
/// request cannot fill the log.
struct LogBudget {
    static let burst = 64
    static let interval: UInt64 = 10_000_000_000

    private var left = LogBudget.burst
    private var filledAt: UInt64 = 0
    private var unsaid = 0

    /// Nil: there is no room for a record; else how many found none since the last.
    mutating func take(_ now: UInt64) -> Int? {
        let steps = (now &- filledAt) / Self.interval
        if filledAt == 0 || steps > 0 {
            left = filledAt == 0 ? Self.burst : min(Self.burst, left + Int(clamping: steps))
            filledAt = now
        }
        guard left > 0 else {
            unsaid += 1
            return nil
        }
        left -= 1
        defer { unsaid = 0 }
        return unsaid
    }
}
