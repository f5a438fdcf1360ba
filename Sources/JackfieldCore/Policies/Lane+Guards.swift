// SPDX-License-Identifier: Apache-2.0
// Policies beside calls: subscriptions to resources, and tasks whose tool must still be allowed.

import CJackfield
import MCP

/// The tool behind a task, so that it can be asked whether it is still allowed.
struct TaskTool: Sendable {
    let server: Server
    let target: Lane.Target
    /// The endpoint's path.
    let path: String
}

extension Lane {
    /// Whether somebody may subscribe to a resource, or leave it. `done` gets why not, at once or later.
    func mayWatch(
        _ method: Method, _ target: Target, _ uri: String, _ caller: Principal, address: String,
        at path: String, _ done: @escaping (InterestRefusal?) -> Void
    ) {
        guard isGuarded else { return done(nil) }
        if let why = modules.tenants?.whyNotWatched(catalog.servers[target.server], by: caller) {
            return done(InterestRefusal(code: ErrorCode.denied.rawValue, text: why))
        }
        let access = Access(method, .resources, target, catalog.servers[target.server], at: path)
        judge(access, caller, address: address) { verdict in
            switch verdict {
            case .allowed: done(nil)
            case .hidden: done(.unknownResource(uri))
            case .denied(let ruling, let policy):
                let text = ruling.text ?? "policy \(policy) does not allow this"
                self.recordDenial(
                    caller, from: address, method: "\(method.name)", shownName: uri, reason: .policy,
                    rule: ruling.rule, text)
                done(InterestRefusal(code: ErrorCode.denied.rawValue, text: text))
            }
        }
    }

    /// What policies may ask about a call that becomes a task; nil: there are none.
    func tool(of call: Call) -> TaskTool? {
        guard isGuarded, let target = call.tool, let server = call.server else { return nil }
        return TaskTool(server: server, target: target, path: call.path)
    }

    /// Whether a task's principal may still use its tool. Nil: the request is delivered again when that is known.
    func mayUse(_ tool: TaskTool?, _ handle: UInt64, _ asking: Asking) -> Bool? {
        guard let tool, isGuarded else { return true }
        if let known = decidedTask, known.handle == handle { return known.isAllowed }
        var access = Access(.toolsCall, .tools, tool.target, tool.server, at: tool.path)
        access.flags = UInt32(JF_ACCESS_LISTING)
        let caller = asking.caller
        var now: Bool?
        var held: WaitingRequest?
        judge(access, caller, address: asking.client.address) { [weak self] verdict in
            var isAllowed = false
            if case .allowed = verdict { isAllowed = true }
            guard let request = held else {
                now = isAllowed
                return
            }
            guard let self, let client = self.clients[request.client] else { return }
            self.decidedTask = (handle, isAllowed)
            request.lend { self.take($0, of: client, for: caller) }
            self.decidedTask = nil
        }
        if now == nil { held = WaitingRequest(asking.client, asking.message) }
        return now
    }
}

extension InterestRefusal {
    static func unknownResource(_ uri: String) -> InterestRefusal {
        InterestRefusal(
            code: ErrorCode.resourceNotFound.rawValue, text: "no server here has the resource \(uri)")
    }
}
