// SPDX-License-Identifier: Apache-2.0
// What lists show: the same policies that guard calls are asked about every item, once for all of the same class.

import CJackfield
import CLinux
import MCP

/// One round of questions about every item of a view. Belongs to its lane.
final class Review {
    enum Outcome {
        case shown(View)
        /// A policy gave no decision; its name.
        case failed(String)
    }

    let whole: View
    let caller: Principal
    let address: String
    /// Nil: the answers are for this request alone.
    let key: ShownViews.Key?
    let mark: UInt64
    let generation: UInt64
    let entries: [ViewEntry]
    /// By place in `entries`.
    var shows: [Bool]
    /// Those that are still to be asked; the first is at work.
    var policies: ArraySlice<PolicyBinding>
    /// The item that is asked about next, and questions that are open.
    var next = 0
    var open = 0
    /// The policy at work is asked about one item at a time.
    var isItemwise = false
    /// A policy failed and lets pass what it does not decide: nothing to be kept.
    var isPartial = false
    var outcome: Outcome?
    var waiting: [(request: WaitingRequest, caller: Principal)] = []
    /// Who wants to know what came of it; nil: it is of no use any more.
    var hearers: [(Outcome?) -> Void] = []

    init(
        _ whole: View, _ caller: Principal, address: String, key: ShownViews.Key?, mark: UInt64,
        generation: UInt64, _ policies: [PolicyBinding]
    ) {
        self.whole = whole
        self.caller = caller
        self.address = address
        self.key = key
        self.mark = mark
        self.generation = generation
        self.policies = policies[...]
        entries = Array(whole.entries.joined())
        shows = Array(repeating: true, count: entries.count)
    }

    /// What came of it, by kind.
    func finish() -> Outcome {
        var at = 0
        let kinds = whole.entries.map { kind in
            defer { at += kind.count }
            return Array(shows[at..<at + kind.count])
        }
        return .shown(View(whole, showing: kinds, mark: mark))
    }
}

extension Lane {
    /// Items that a policy is asked about at once, and open questions about single ones.
    private static var reviewBatch: Int { 512 }
    private static var openQuestions: Int { 64 }
    /// Requests that may wait for reviews.
    private static var mostReviewed: Int { 1000 }

    enum Shown {
        case view(View)
        /// The request is delivered again when policies have decided.
        case held
        case failed(String)
    }

    /// What lists of a view show to somebody.
    func shown(_ view: View, to caller: Principal, _ client: Client, _ message: jf_message) -> Shown {
        guard isGuarded else { return .view(view) }
        let key = classes(of: caller).map { ShownViews.Key(path: view.path, classes: $0) }
        if let ready = shownViews.handedOver, ready.review.whole === view, ready.review.key == key,
            key != nil || ready.review.caller === caller
        {
            return shown(ready.outcome)
        }
        if let key, let known = shownViews.find(key, of: view) { return .view(known) }
        let review: Review
        if let key, let begun = shownViews.reviews[key] {
            review = begun
        } else {
            let mark = (key ?? ShownViews.Key(path: view.path, classes: Array(caller.key.utf8))).mark
            review = newReview(view, caller, client.address, key, mark: mark)
            proceed(review)
            if let outcome = review.outcome { return shown(outcome) }
            if let key { shownViews.reviews[key] = review }
        }
        let request = WaitingRequest(client, message)
        guard shownViews.waiting < Lane.mostReviewed, shownViews.waitingBytes < 64 << 20 else {
            return .failed("too many requests wait for policies")
        }
        shownViews.waiting += 1
        shownViews.waitingBytes += request.bytes
        review.waiting.append((request, caller))
        return .held
    }

    private func shown(_ outcome: Review.Outcome) -> Shown {
        switch outcome {
        case .shown(let view): .view(view)
        case .failed(let policy): .failed("policy \(policy) gave no decision")
        }
    }

    /// The classes that policies put somebody in; nil: there is a policy whose answers depend on more.
    func classes(of caller: Principal) -> [UInt8]? {
        var out: [UInt8] = []
        if let tenants = modules.tenants {
            out.append(contentsOf: tenants.className(of: caller))
            // In no name.
            out.append(0xFF)
        }
        for policy in modules.policies {
            guard policy.plan.isFor(caller) else {
                out.append(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF])
                continue
            }
            guard let name = className(of: caller, policy) else { return nil }
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: name.count).littleEndian) {
                out.append(contentsOf: $0)
            }
            out.append(contentsOf: name)
        }
        return out
    }

    private func className(of caller: Principal, _ policy: PolicyBinding) -> [UInt8]? {
        let alone = [1] + Array(caller.key.utf8)
        guard let slot = policy.instance.policy?.classify, let own = policy.instance.own else { return alone }
        var blob = jf_blob.none
        var fault = jf_fault.empty()
        let status = slot(own, policy.handle, caller.lent, &blob, &fault)
        defer { blob.dropOnce() }
        switch Int(status) {
        case JF_OK: return [0] + [UInt8](blob.bytes.prefix(64 << 10))
        case JF_ABSENT: return alone
        default: return nil
        }
    }

    // MARK: Asking

    /// About what a tenant has, for the policies that are there for it.
    func newReview(
        _ view: View, _ caller: Principal, _ address: String, _ key: ShownViews.Key?, mark: UInt64
    ) -> Review {
        let review = Review(
            view, caller, address: address, key: key, mark: mark, generation: shownViews.generation,
            modules.policies.filter { $0.plan.isFor(caller) })
        if let tenants = modules.tenants { keep(review, tenants) }
        return review
    }

    /// What other tenants have is in no list.
    private func keep(_ review: Review, _ tenants: TenantGate) {
        let seen = catalog.servers.map { tenants.shows($0, to: review.caller) }
        for (place, entry) in review.entries.enumerated() where !seen[entry.server] {
            review.shows[place] = false
        }
    }

    /// Asks policy after policy until one has to be waited for.
    func proceed(_ review: Review) {
        while review.outcome == nil, let policy = review.policies.first {
            guard ask(review, policy) else { return }
            review.policies.removeFirst()
            review.next = 0
            review.isItemwise = false
        }
        guard review.outcome == nil else { return }
        let outcome = review.finish()
        review.outcome = outcome
        guard case .shown(let view) = outcome, let key = review.key, !review.isPartial,
            review.generation == shownViews.generation, catalog.view(key.path) === review.whole
        else { return }
        shownViews.keep(view, of: review.whole, for: key)
    }

    /// Asks one policy about everything that the ones before let through. False: it has to be waited for.
    private func ask(_ review: Review, _ policy: PolicyBinding) -> Bool {
        guard !review.isItemwise, let slot = policy.instance.policy?.review, let own = policy.instance.own
        else { return askEach(review, policy) }
        while review.outcome == nil, review.next < review.entries.count {
            let batch = batch(review)
            guard !batch.isEmpty else { break }
            let accesses = batch.map { access(review, $0) }
            let (now, operation) = withLent(accesses, review.caller, address: review.address) { lent in
                operate { operation, blob, fault in
                    slot(own, operation, policy.handle, lent, UInt64(batch.count), &blob, &fault)
                }
            }
            guard var answer = now else {
                wait(for: operation, of: policy.attachment, until: loop.now &+ Lane.rulingWait) {
                    [weak self] answer in
                    guard let self else { return }
                    self.take(review, policy, batch, answer)
                    self.resume(review)
                }
                return false
            }
            take(review, policy, batch, answer)
            answer.blob.dropOnce()
            if review.isItemwise { return askEach(review, policy) }
        }
        return true
    }

    /// The places of the next items that are still shown.
    private func batch(_ review: Review) -> [Int] {
        var places: [Int] = []
        while review.next < review.entries.count, places.count < Lane.reviewBatch {
            if review.shows[review.next] { places.append(review.next) }
            review.next += 1
        }
        return places
    }

    private func access(_ review: Review, _ place: Int) -> Access {
        let entry = review.entries[place]
        return Access(listing: entry, catalog.servers[entry.server], at: review.whole.path)
    }

    private func take(_ review: Review, _ policy: PolicyBinding, _ batch: [Int], _ answer: ModuleAnswer) {
        if answer.status == JF_E_UNSUPPORTED, let first = batch.first {
            // It has no answers for many at once just now.
            review.isItemwise = true
            review.next = first
            return
        }
        guard answer.status == JF_OK, answer.blob.bytes.count == batch.count,
            answer.blob.bytes.allSatisfy({ $0 <= 2 })
        else {
            return failed(
                review, policy,
                answer.status == JF_OK ? "it decided about another number of items" : failure(answer))
        }
        for (place, decision) in zip(batch, answer.blob.bytes) where decision != 0 {
            review.shows[place] = false
        }
    }

    /// - Returns: false: there are open questions.
    private func askEach(_ review: Review, _ policy: PolicyBinding) -> Bool {
        review.isItemwise = true
        while review.outcome == nil, review.next < review.entries.count, review.open < Lane.openQuestions {
            let place = review.next
            review.next += 1
            guard review.shows[place] else { continue }
            let answer = withLent(
                access(review, place), review.caller, address: review.address, arguments: nil
            ) { ask(policy, $0) }
            guard case .pending(let operation) = answer else {
                take(review, policy, place, answer)
                continue
            }
            review.open += 1
            wait(for: operation, of: policy.attachment, until: loop.now &+ Lane.rulingWait) {
                [weak self] answer in
                guard let self else { return }
                review.open -= 1
                self.take(review, policy, place, self.answer(answer))
                self.resume(review)
            }
        }
        return review.open == 0 && review.next == review.entries.count
    }

    private func take(_ review: Review, _ policy: PolicyBinding, _ place: Int, _ answer: PolicyAnswer) {
        switch answer {
        case .allowed, .pending: break
        case .ruled(let ruling):
            if ruling.decision != .allow, !ruling.isDry { review.shows[place] = false }
        case .failed(let why): failed(review, policy, why)
        }
    }

    private func failed(_ review: Review, _ policy: PolicyBinding, _ why: String) {
        guard review.outcome == nil else { return }
        if !policy.plan.allowsOnError { review.outcome = .failed(policy.plan.name) }
        if review.isPartial { return }
        review.isPartial = true
        counters.add(.policyFailures)
        log.write(
            .warning, "a policy gave no decision about a list",
            [.init("policy", policy.plan.name), .init("plugin", policy.instance.id), .init("why", why)])
    }

    // MARK: Those who wait

    /// An answer that was waited for is there.
    private func resume(_ review: Review) {
        if catalog.view(review.whole.path) !== review.whole || review.generation != shownViews.generation {
            // What it asked about is not what is shown now: its requests start again.
            return deliver(review, nil)
        }
        if review.outcome == nil { proceed(review) }
        if let outcome = review.outcome { deliver(review, outcome) }
    }

    private func deliver(_ review: Review, _ outcome: Review.Outcome?) {
        if let key = review.key, shownViews.reviews[key] === review { shownViews.reviews[key] = nil }
        let held = review.waiting
        review.waiting = []
        shownViews.waiting -= held.count
        for (request, caller) in held {
            shownViews.waitingBytes -= request.bytes
            guard let client = clients[request.client] else { continue }
            shownViews.handedOver = outcome.map { (review, $0) }
            request.lend { take($0, of: client, for: caller) }
        }
        shownViews.handedOver = nil
        let hearers = review.hearers
        review.hearers = []
        for hear in hearers { hear(outcome) }
    }
}
