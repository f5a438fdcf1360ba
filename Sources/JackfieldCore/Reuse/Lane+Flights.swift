// SPDX-License-Identifier: Apache-2.0
// The shared call itself: what its server answers, and how those who wait for it hear of that.

import CJackfield
import JSON
import MCP

/// A shared call's end as the gateway words it.
struct SharedFailure: Sendable {
    let code: ErrorCode
    let text: String
    let data: String?
    let status: Int
    let retryAfter: UInt32
    let outcome: Int32
}

/// What a shared call came to.
enum Landing: Sendable {
    /// The server's answer, result or error.
    case answer(KeptAnswer)
    case failure(SharedFailure)
    /// An answer for one caller alone: each makes the call for itself.
    case each
}

extension Lane {
    /// A shared call's answer. On the lane that made the call.
    /// - Parameter body: the whole message.
    func shareAnswer(_ call: Call, _ envelope: Envelope, _ body: UnsafeRawBufferPointer) {
        guard let outcome = envelope.outcome else { return }
        shareAnswer(call, outcome, isError: envelope.kind == .error) { paddedCopy(body) }
    }

    /// The same for an answer of a toolset, which is a result alone.
    func shareResult(_ call: Call, _ result: JSONNode) {
        shareAnswer(call, result, isError: false) {
            var body = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":".utf8)
            body.append(contentsOf: result.raw)
            body.append(125)
            return body.withUnsafeBytes { paddedCopy($0) }
        }
    }

    private func shareAnswer(_ call: Call, _ outcome: JSONNode, isError: Bool, _ copy: () -> [UInt8]) {
        guard let flight = call.flight, let server = call.server, let reuse = server.reuse else {
            return finish(call)
        }
        guard outcome.kind == .object else {
            return serverFailed(call, "its \(isError ? "error" : "result") is not an object")
        }
        observe(call, Int32(JF_OK))
        if isForOneCaller(call, outcome, isError: isError) {
            land(flight, reuse, .each)
            return finish(call)
        }
        let now = loop.now
        let fresh = reuse.freshness(of: outcome, call, server)
        let failed = isError || outcome.member("isError").map { $0.bool != false } == true
        // What one principal may not do says nothing of another.
        let answer = KeptAnswer(
            copy(), serverIsModern: call.serverIsModern, isPrivate: fresh.isPrivate || failed,
            freshFor: fresh.ttl, arrivedAt: now)
        let (limit, isLong) = (fresh.ttl ?? .max).multipliedReportingOverflow(by: 1_000_000)
        let isKept = flight.reuse == .keep && !failed && !(reuse.plan.isPublic && fresh.isPrivate)
        let until = now &+ min(reuse.plan.ttl, isLong ? .max : limit)
        land(flight, reuse, .answer(answer), keeping: isKept ? (answer, until) : nil)
        finish(call)
    }

    /// Whether an answer is of no use to another caller: a question to the user, a task, or the wish for a client that
    /// can do more.
    private func isForOneCaller(_ call: Call, _ outcome: JSONNode, isError: Bool) -> Bool {
        if call.dialogue != nil || call.upstreamTask != nil { return true }
        if isError {
            let code = outcome.member("code")?.int64 ?? 0
            return code == ErrorCode.missingCapability.rawValue
                || code == ErrorCode.urlElicitationRequired.rawValue
        }
        if call.serverIsModern { return outcome.member("resultType").map { !$0.equals("complete") } ?? false }
        return call.method == .toolsCall && outcome.member("task") != nil
    }

    /// A shared call ended with an error of the gateway's own. Those who wait fail alike: none of them tries again.
    func failShared(_ call: Call, _ failure: SharedFailure) {
        observe(call, failure.outcome)
        if let flight = call.flight, let reuse = call.server?.reuse {
            // The server wanted what only a caller can give.
            land(flight, reuse, failure.code == .missingCapability ? .each : .failure(failure))
        }
        finish(call)
    }

    /// Ends a flight and tells those who wait, each on its lane.
    func land(
        _ flight: Flight, _ reuse: ServerReuse, _ landing: Landing,
        keeping kept: (KeptAnswer, until: UInt64)? = nil
    ) {
        let waiters = reuse.land(flight, keeping: kept, now: loop.now)
        // Not from inside the delivery of the answer, nor of the request that made the call.
        tell(waiters) { lane, handles in lane.landed(flight, handles, landing) }
    }

    /// Progress or a log message of a shared call.
    func shareNote(_ call: Call, _ body: UnsafeRawBufferPointer) {
        guard let flight = call.flight, let reuse = call.server?.reuse else { return }
        let copy = paddedCopy(body)
        tell(reuse.waiters(of: flight)) { lane, handles in lane.told(flight, handles, copy) }
    }

    private func tell(_ waiters: [RelayKey], _ body: @escaping @Sendable (Lane, [UInt64]) -> Void) {
        var byLane: [Int: [UInt64]] = [:]
        for waiter in waiters { byLane[waiter.lane, default: []].append(waiter.handle) }
        for (at, handles) in byLane {
            let lane = gateway.lane(at)
            lane.loop.post { body(lane, handles) }
        }
    }
}

extension ServerReuse {
    /// What the operator says of the cache fields of a call's result.
    func cachePolicy(of call: Call) -> CachePolicy { call.server?.plan.cache ?? CachePolicy() }

    /// How long an answer may be taken as it is, in milliseconds, and whether by its caller alone, as far as server and
    /// operator say; nil: nothing is said.
    fileprivate func freshness(
        of result: JSONNode, _ call: Call, _ server: Server
    ) -> (ttl: UInt64?, isPrivate: Bool) {
        let said = result.member("ttlMs").map { UInt64(max(0, $0.int64 ?? 0)) }
        let scope = result.member("cacheScope")
        guard call.method == .resourcesRead else {
            return (said, scope != nil && scope?.equals("public") == false)
        }
        let policy = server.plan.cache
        // A server of 2026-07-28 that says nothing promises nothing; older ones and plugins have no word for it.
        let promises = call.serverIsModern && server.plan.plugin == nil
        let isPrivate = scope.map { !$0.equals("public") } ?? promises
        return (policy.ttl ?? said ?? (promises ? 0 : nil), policy.isPublic.map { !$0 } ?? isPrivate)
    }
}
