// SPDX-License-Identifier: Apache-2.0
// Joins a Toolset to the table jf_toolset_1.

import CJackfield

/// The kinds of requests, one per slot.
enum RequestKind { case call, read, prompt, complete }

/// What the C slots see: the facet without its type parameter.
class ToolsetFacet: Facet {
    func open(_ set: jf_ref, _ name: String, _ entry: JSONReader) throws -> jf_ref { fatalError("abstract") }
    func close(_ handle: jf_ref) { fatalError("abstract") }
    /// nil: nothing of this kind, or no such set.
    func list(_ handle: jf_ref, _ kind: UInt32) -> [UInt8]? { fatalError("abstract") }
    /// nil: answered later.
    func request(_ kind: RequestKind, _ slot: RequestSlot, _ request: jf_request) -> Outcome? {
        fatalError("abstract")
    }
    /// Reads JSON that came with a call.
    func read(_ json: jf_view) -> JSONReader? { fatalError("abstract") }
}

/// The sets of one instance. Confined to the lane.
final class TypedToolsetFacet<Tools: Toolset>: ToolsetFacet {
    typealias Complete = (inout Tools, CompletionRequest, CallContext) throws -> Completion

    private final class OpenSet {
        var tools: Tools
        let host: Host

        init(_ tools: Tools, _ host: Host) {
            self.tools = tools
            self.host = host
        }
    }

    private let services: HostServices
    private let configuration: JSONReader
    private let complete: Complete?
    private var sets: [jf_ref: OpenSet] = [:]
    private var lastHandle: jf_ref = 0

    /// `complete` nil: no slot for it, so that the host does not advertise completions.
    init(_ services: HostServices, _ configuration: JSONReader, complete: Complete?) {
        services.attachToolsets()
        self.services = services
        self.configuration = configuration
        self.complete = complete
        super.init(JF_TOOLSET_1, toolsetTable(completes: complete != nil))
    }

    override func open(_ set: jf_ref, _ name: String, _ entry: JSONReader) throws -> jf_ref {
        let host = Host(services: services, set: set, configuration: configuration)
        let tools = try Tools(name: name, configuration: entry, host: host)
        lastHandle += 1
        sets[lastHandle] = OpenSet(tools, host)
        return lastHandle
    }

    override func close(_ handle: jf_ref) { sets.removeValue(forKey: handle)?.tools.close() }

    override func close() {
        while let (handle, _) = sets.first { close(handle) }
    }

    override func read(_ json: jf_view) -> JSONReader? { JSONReader(json, services) }

    override func list(_ handle: jf_ref, _ kind: UInt32) -> [UInt8]? {
        guard let tools = sets[handle]?.tools else { return nil }
        switch Int(kind) {
        case Int(JF_TOOLS): return encode(tools.tools) { $0.encode(into: &$1) }
        case Int(JF_RESOURCES): return encode(tools.resources) { $0.encode(into: &$1) }
        case Int(JF_TEMPLATES): return encode(tools.templates) { $0.encode(into: &$1) }
        case Int(JF_PROMPTS): return encode(tools.prompts) { $0.encode(into: &$1) }
        default: return nil
        }
    }

    private func encode<Item>(_ items: [Item], _ encode: (Item, inout JSONWriter) -> Void) -> [UInt8]? {
        guard !items.isEmpty else { return nil }
        var writer = JSONWriter()
        writer.array { writer in for item in items { encode(item, &writer) } }
        return writer.bytes
    }

    // MARK: Requests

    override func request(_ kind: RequestKind, _ slot: RequestSlot, _ request: jf_request) -> Outcome? {
        guard let set = sets[request.set] else { return .fault(JF_E_STALE, "the set is closed") }
        guard let params = read(request.params) else {
            return .fault(JF_E_INVALID, "params are not JSON")
        }
        let context = CallContext(
            host: set.host, deadlineNanoseconds: request.deadline_ns, principal: request.principal.text,
            params: params, slot: slot)
        let name = request.name.text ?? ""
        switch kind {
        case .call:
            return answer(slot) {
                try set.tools.call(name, arguments: try arguments(request, params), context: context)
            }
        case .read:
            return answer(slot) {
                if let result = try set.tools.read(name, context: context) { return result }
                throw NotThere(status: JF_ABSENT, description: "there is no resource '\(name)'")
            }
        case .prompt:
            return answer(slot) {
                let arguments = try arguments(request, params)
                if let result = try set.tools.prompt(name, arguments: arguments, context: context) {
                    return result
                }
                throw ToolArgumentError("there is no prompt '\(name)'")
            }
        case .complete:
            guard let complete else { return .fault(JF_E_UNSUPPORTED, "it completes nothing") }
            return answer(slot) { try complete(&set.tools, try completionRequest(name, params), context) }
        }
    }

    private func arguments(_ request: jf_request, _ params: JSONReader) throws -> Arguments {
        // The gateway lends the arguments as a part of the params, which were copied and checked already.
        if let range = request.params.range(of: request.arguments),
            let json = JSONReader(object: range, of: params)
        {
            return Arguments(json: json)
        }
        guard let json = read(request.arguments), json.kind == .object else {
            throw ToolArgumentError("arguments must be an object")
        }
        return Arguments(json: json)
    }

    /// `name` is the reference as this toolset spells it; the client may know it by another name.
    private func completionRequest(_ name: String, _ params: JSONReader) throws -> CompletionRequest {
        let subject: CompletionRequest.Subject
        switch params.find("/ref/type")?.text {
        case "ref/prompt": subject = .prompt(name)
        case "ref/resource": subject = .template(name)
        default: throw ToolArgumentError("'ref' must be of type ref/prompt or ref/resource")
        }
        guard let argument = params.find("/argument/name")?.text,
            let value = params.find("/argument/value")?.text
        else { throw ToolArgumentError("'argument' must have a name and a value") }
        let settled = params.find("/context/arguments")?.members ?? []
        return CompletionRequest(
            subject: subject, argument: argument, value: value,
            context: settled.compactMap { member in member.value.text.map { (member.name, $0) } })
    }

    /// Runs the author's method and settles what it did: answered, threw, or promised to answer.
    private func answer<Result: Answer>(_ slot: RequestSlot, _ method: () throws -> Result) -> Outcome? {
        let outcome: Outcome
        do {
            let result = try method()
            if result.isPending {
                guard slot.operation != nil else {
                    return .fault(JF_E_FAULT, "it answered 'pending' without an operation")
                }
                // From here on the author's references alone keep it open.
                slot.operation = nil
                return nil
            }
            outcome = Outcome(result)
        } catch let error as NotThere {
            outcome = .fault(error.status, error.description, isPublic: true)
        } catch {
            outcome = Outcome(error, for: Result.self)
        }
        // An operation that was begun all the same must not end a second time; if it did end, that answer
        // counts.
        if let operation = slot.operation, !operation.supersede() { return nil }
        return outcome
    }
}

/// nil from a method, on its way to the slot.
private struct NotThere: Error {
    let status: Int
    let description: String
}
