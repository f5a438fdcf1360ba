// SPDX-License-Identifier: Apache-2.0
// How a provider, policy, filter, source or store answers: at once, later, or with an error.

import CJackfield

/// The circumstances of one question that the gateway asks.
public struct AnswerContext {
    /// The gateway.
    public let host: Host
    let slot: RequestSlot

    /// Answers later. `begin` gets the ``Pending`` and starts the work; return what this returns:
    ///
    ///     let token = credentials.bearer
    ///     return context.later { pending in ask(token) { pending.finish($0) } }
    ///
    /// What the method was lent must be copied before. An error thrown by `begin` answers at once.
    public func later<Result: Answer>(_ begin: (Pending<Result>) throws -> Void) rethrows -> Result {
        try slot.later(host.services, begin)
    }
}

/// Runs an author's method and settles what it did: answered, threw, or promised to answer.
func answer<Result: Answer>(
    _ op: jf_ref, _ host: Host, _ blob: UnsafeMutablePointer<jf_blob>?,
    _ why: UnsafeMutablePointer<jf_fault>?,
    _ method: (AnswerContext) throws -> Result
) -> Int32 {
    guard let blob, let why else { return Int32(JF_E_FAULT) }
    let slot = RequestSlot(op)
    let outcome: Outcome
    do {
        let result = try method(AnswerContext(host: host, slot: slot))
        if result.isPending {
            guard slot.operation != nil else {
                return Refusal(JF_E_FAULT, "it answered 'pending' without an operation").fill(why)
            }
            slot.operation = nil
            return Int32(JF_PENDING)
        }
        outcome = Outcome(result)
    } catch {
        outcome = .refusal(Refusal(error))
    }
    // One that was begun all the same must not end a second time; if it did end, that answer counts.
    if let operation = slot.operation, !operation.supersede() { return Int32(JF_PENDING) }
    return outcome.fill(&blob.pointee, &why.pointee)
}

/// Every facet's cancel is the same. [any]: the author's body runs on the lane.
func cancelOperation(_ own: OpaquePointer?, _ op: jf_ref) {
    Instance.with(own) { instance in
        let services = instance.services
        services.post { services.operation(op)?.cancel() }
    }
}

// MARK: What is attached

/// One configured entry, without its type parameter.
class GuardServer {
    let host: Host

    init(_ host: Host) { self.host = host }

    func detach() { fatalError("abstract") }
}

/// The entries of one facet of an instance. Confined to the lane.
final class GuardFacet<Server: GuardServer>: Facet {
    typealias Maker = (_ name: String, _ options: JSONReader, Host) throws -> Server

    private let services: HostServices
    private let configuration: JSONReader
    private let make: Maker
    private var servers = HandleTable<Server>()

    init<Table>(
        _ id: String, _ table: Table, _ services: HostServices, _ configuration: JSONReader,
        _ make: @escaping Maker
    ) {
        self.services = services
        self.configuration = configuration
        self.make = make
        super.init(id, table)
    }

    func attach(
        _ name: jf_view, _ config: jf_view, _ handle: UnsafeMutablePointer<jf_ref>?,
        _ why: UnsafeMutablePointer<jf_fault>?
    ) -> Int32 {
        guard let handle else { return Int32(JF_E_FAULT) }
        guard let options = JSONReader(config, services) else {
            return Refusal(JF_E_INVALID, "the options are not JSON").fill(why)
        }
        // Known before, since what is made may tell the host of itself.
        let reserved = servers.reserve()
        do {
            let host = Host(services: services, set: reserved, configuration: configuration)
            servers.fill(reserved, try make(name.text ?? "", options, host))
            handle.pointee = reserved
            return Int32(JF_OK)
        } catch {
            servers.fill(reserved, nil)
            return Refusal(error).fill(why)
        }
    }

    func detach(_ handle: jf_ref) { servers.remove(handle)?.detach() }

    override func close() {
        for server in servers.removeAll() { server.detach() }
    }

    @inline(__always)
    subscript(_ handle: jf_ref) -> Server? { servers[handle] }
}
