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

    /// A client's call may become a task: which tool it is about, whatever policies there are by then.
    func noteTool(_ call: Call, _ target: Target, _ asking: Asking) {
        guard call.method == .toolsCall else { return }
        call.tool = target
        call.path = asking.view.path
    }

    /// What policies are asked about a call that becomes a task.
    func tool(of call: Call) -> TaskTool? {
        guard let target = call.tool, let server = call.server else { return nil }
        return TaskTool(server: server, target: target, path: call.path)
    }

    /// The tool behind a task that its server keeps, as it is listed now; by its name alone where it is not.
    /// - Parameters:
    ///   - server: its place in the catalogue.
    ///   - path: where the tool was called; `view` stands in where nothing shows that server there any more.
    func taskTool(_ name: String, of server: Int, _ path: String, _ view: View) -> TaskTool {
        let view = catalog.view(path).flatMap { $0.servers.contains(server) ? $0 : nil } ?? view
        let entry = view.entries[ItemKind.tools.rawValue].first {
            $0.server == server && $0.item.key == name
        }
        let target =
            entry?.target
            ?? Target(
                server: server, replacement: nil, key: "name", name: name, shownURI: nil, headers: [],
                traits: [])
        return TaskTool(server: catalog.servers[server], target: target, path: path)
    }

    private func access(_ tool: TaskTool) -> Access {
        // A reload may have replaced its server by one of the same name.
        let server =
            catalog.index(of: tool.server) == nil
            ? catalog.servers.first { $0.name == tool.server.name } ?? tool.server : tool.server
        var access = Access(.toolsCall, .tools, tool.target, server, at: tool.path)
        access.flags = UInt32(JF_ACCESS_LISTING)
        return access
    }

    /// Whether somebody may still use the tool behind a task. `done` is called once, in the same turn or later.
    func mayStill(
        _ tool: TaskTool?, _ caller: Principal, address: String, _ done: @escaping (Bool) -> Void
    ) {
        guard let tool, isGuarded else { return done(true) }
        judge(access(tool), caller, address: address) { verdict in
            if case .allowed = verdict { done(true) } else { done(false) }
        }
    }

    /// Whether a task's principal may still use its tool. Nil: the request is delivered again when that is known.
    func mayUse(_ tool: TaskTool?, _ key: TaskKey, _ asking: Asking) -> Bool? {
        guard let tool, isGuarded else { return true }
        if let known = decidedTask, known.key == key { return known.isAllowed }
        let caller = asking.caller
        var now: Bool?
        var held: WaitingRequest?
        mayStill(tool, caller, address: asking.client.address) { [weak self] isAllowed in
            guard let request = held else {
                now = isAllowed
                return
            }
            guard let self, let client = self.clients[request.client] else { return }
            self.decidedTask = (key, isAllowed)
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
