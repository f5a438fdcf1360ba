// SPDX-License-Identifier: Apache-2.0
// `jackfield explain`: what policies say of somebody and something, without anything happening.

import CJackfield
import JSON
import MCP

/// Whom and what an operator asks about.
struct ExplainRequest: Sendable {
    /// Items of a list that are answered at once.
    static let page = 100

    let caller: Principal
    let path: String
    /// What the call would be; `unknown`: the endpoint's lists.
    let method: Method
    let name: String
    let arguments: [UInt8]?
    let address: String
    /// Lists: of this server alone; from this item on.
    let server: String?
    let from: Int

    /// Reads the request of the control door. Throws a sentence.
    init(_ request: JSONValue) throws(ExplainProblem) {
        let subject = request["principal"]?["subject"]?.string ?? ""
        if subject.isEmpty {
            caller = .nobody
        } else {
            let bytes = request["principal"]?.serialized() ?? []
            let read = bytes.withUnsafeBytes { bytes -> Result<PrincipalText, PrincipalProblem> in
                do throws(PrincipalProblem) { return .success(try PrincipalText(parsing: bytes)) } catch {
                    return .failure(error)
                }
            }
            switch read {
            case .success(let text):
                caller = Principal(text, provider: -1, name: request["provider"]?.string ?? "explain")
            case .failure(let problem): throw ExplainProblem("the principal \(problem.message)")
            }
        }
        path = request["path"]?.string ?? "/mcp"
        address = request["address"]?.string ?? ""
        server = request["server"]?.string
        from = max(0, Int(request["from"]?.int ?? 0))
        name = request["name"]?.string ?? ""
        switch request["what"]?.string {
        case "call": method = .toolsCall
        case "read": method = .resourcesRead
        case "prompt": method = .promptsGet
        case "list": method = .unknown
        default: throw ExplainProblem("'what' is call, read, prompt or list")
        }
        if let value = request["arguments"], value.kind != .null {
            guard value.object != nil else { throw ExplainProblem("'arguments' is a JSON object") }
            arguments = value.serialized()
        } else {
            arguments = nil
        }
    }
}

struct ExplainProblem: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

extension Lane {
    /// Answers an operator. `done` is called once, on the lane.
    func explain(
        _ request: ExplainRequest, _ done: @escaping @Sendable (Result<JSONValue, ExplainProblem>) -> Void
    ) {
        guard let view = catalog.view(request.path) else {
            return done(.failure(ExplainProblem("nothing is served at \(request.path)")))
        }
        if request.method == .unknown { return explainLists(request, view, done) }
        guard let target = explained(request, view) else {
            return done(
                .failure(ExplainProblem("nothing at \(request.path) has the name \(request.name)")))
        }
        let server = catalog.servers[target.server]
        var access = Access(
            request.method, kind(of: request.method, target), target, server, at: request.path)
        access.flags = UInt32(JF_ACCESS_EXPLAIN)
        explainAll(access, request) { steps, outcome in
            done(
                .success(
                    .object([
                        .init("principal", .string(request.caller.subject)),
                        .init("action", .string("\(access.action)")), .init("server", .string(server.name)),
                        .init("name", .string(access.name)), .init("shown", .string(access.shown)),
                        .init("outcome", .string(outcome)), .init("policies", .array(steps)),
                    ])))
        }
    }

    private func explained(_ request: ExplainRequest, _ view: View) -> Target? {
        func entry(_ kind: ItemKind) -> Target? {
            var name = request.name
            return name.withUTF8 { view.find(kind, UnsafeRawBufferPointer($0))?.target }
        }
        return switch request.method {
        case .toolsCall: entry(.tools)
        case .promptsGet: entry(.prompts)
        default: resourceTarget(request.name, view)
        }
    }

    /// Tenants come first: where they hide something, no policy is asked.
    private func explainAll(
        _ access: Access, _ request: ExplainRequest, _ done: @escaping ([JSONValue], String) -> Void
    ) {
        guard let tenants = modules.tenants else {
            return explain(
                access, request, modules.policies.filter { $0.plan.isFor(request.caller) }[...], [], done)
        }
        let refusal = tenants.whyRefused(request.caller)
        let why = refusal ?? tenants.whyHidden(access.server, from: request.caller)
        let decision = refusal != nil ? "deny" : why != nil ? "hide" : "allow"
        var step: [JSONMemberValue] = [
            .init("policy", .string("tenants")), .init("plugin", .string("core")),
            .init("decision", .string(decision)),
        ]
        if let why { step.append(.init("rule", .string(why))) }
        if why != nil { return done([.object(step)], decision) }
        explain(
            access, request, modules.policies.filter { $0.plan.isFor(request.caller) }[...],
            [.object(step)], done)
    }

    /// Asks policy after policy as a call would, and goes on where a dry run would have refused.
    private func explain(
        _ access: Access, _ request: ExplainRequest, _ policies: ArraySlice<PolicyBinding>,
        _ steps: [JSONValue], _ done: @escaping ([JSONValue], String) -> Void
    ) {
        guard let policy = policies.first else { return done(steps, "allow") }
        let rest = policies.dropFirst()
        func go(_ answer: PolicyAnswer) {
            var (step, refusal) = explanation(answer, policy)
            step.insert(.init("policy", .string(policy.plan.name)), at: 0)
            step.insert(.init("plugin", .string(policy.instance.id)), at: 1)
            var steps = steps
            steps.append(.object(step))
            if let refusal {
                for policy in rest {
                    steps.append(
                        .object([
                            .init("policy", .string(policy.plan.name)),
                            .init("plugin", .string(policy.instance.id)),
                            .init("decision", .string("not asked")),
                        ]))
                }
                return done(steps, refusal)
            }
            explain(access, request, rest, steps, done)
        }
        let answer: PolicyAnswer
        if let arguments = request.arguments {
            answer = arguments.withUnsafeBytes { bytes in
                withLent(access, request.caller, address: request.address, arguments: bytes) {
                    ask(policy, $0, explains: true)
                }
            }
        } else {
            answer = withLent(access, request.caller, address: request.address, arguments: nil) {
                ask(policy, $0, explains: true)
            }
        }
        guard case .pending(let operation) = answer else { return go(answer) }
        wait(for: operation, of: policy.attachment, until: loop.now &+ Lane.rulingWait) {
            [weak self] answer in
            if let self { go(self.answer(answer)) }
        }
    }

    private func explanation(
        _ answer: PolicyAnswer, _ policy: PolicyBinding
    ) -> (members: [JSONMemberValue], refusal: String?) {
        switch answer {
        case .allowed, .pending: return ([.init("decision", .string("allow"))], nil)
        case .failed(let why):
            let refuses = !policy.plan.allowsOnError
            return (
                [
                    .init("decision", .string("none")), .init("error", .string(why)),
                    .init("on_error", .string(refuses ? "deny" : "allow")),
                ], refuses ? "deny" : nil
            )
        case .ruled(let ruling):
            var members: [JSONMemberValue] = [.init("decision", .string(ruling.decision.word))]
            if let rule = ruling.rule { members.append(.init("rule", .string(rule))) }
            if let text = ruling.text { members.append(.init("text", .string(text))) }
            if let scopes = ruling.scopes { members.append(.init("scopes", .string(scopes))) }
            if ruling.isDry { members.append(.init("dry", .bool(true))) }
            let refuses = ruling.decision != .allow && !ruling.isDry
            return (members, refuses ? ruling.decision.word : nil)
        }
    }

    // MARK: Lists

    private func explainLists(
        _ request: ExplainRequest, _ view: View,
        _ done: @escaping @Sendable (Result<JSONValue, ExplainProblem>) -> Void
    ) {
        let entries = view.entries.joined().filter { entry in
            request.server.map { catalog.servers[entry.server].name == $0 } ?? true
        }
        let part = Array(entries.dropFirst(request.from).prefix(ExplainRequest.page))
        explainItems(request, part[...], [], catalog) { items in
            done(
                .success(
                    .object([
                        .init("principal", .string(request.caller.subject)),
                        .init("total", .number(String(entries.count))), .init("items", .array(items)),
                    ])))
        }
    }

    private func explainItems(
        _ request: ExplainRequest, _ entries: ArraySlice<ViewEntry>, _ items: [JSONValue], _ catalog: Catalog,
        _ done: @escaping ([JSONValue]) -> Void
    ) {
        guard let entry = entries.first else { return done(items) }
        let server = catalog.servers[entry.server]
        var access = Access(listing: entry, server, at: request.path)
        access.flags |= UInt32(JF_ACCESS_EXPLAIN)
        explainAll(access, request) { [self] steps, outcome in
            let last = steps.last { $0["decision"]?.string != "not asked" }
            var members: [JSONMemberValue] = [
                .init("kind", .string("\(entry.kind.member)")), .init("name", .string(entry.shown)),
                .init("server", .string(server.name)), .init("outcome", .string(outcome)),
            ]
            for name in ["policy", "rule", "error"] {
                if let value = last?[name] { members.append(.init(name, value)) }
            }
            explainItems(request, entries.dropFirst(), items + [.object(members)], catalog, done)
        }
    }
}

extension ControlDoor {
    /// `explain`: asks the first lane's policies.
    func explain(_ request: JSONValue, _ guest: ControlGuest) {
        let wanted: ExplainRequest
        do throws(ExplainProblem) { wanted = try ExplainRequest(request) } catch {
            return guest.refuse(error.message)
        }
        let gateway = gateway
        let lane = gateway.lane(0)
        lane.loop.post {
            lane.explain(wanted) { result in
                gateway.control.post {
                    switch result {
                    case .failure(let problem): guest.refuse(problem.message)
                    case .success(let answer):
                        guest.say(answer)
                        guest.end()
                    }
                }
            }
        }
    }
}
