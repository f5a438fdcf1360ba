// SPDX-License-Identifier: Apache-2.0
// The door: which header fields say who somebody is, what an endpoint is called, what those outside are told.

import CJackfield
import JSON

/// A provider of identity, with what it says about itself.
final class AuthBinding: ModuleBinding {
    /// Header fields that it looks at, in lower case.
    private(set) var fields: [String] = []
    /// What clients without credentials must know; nil: nothing.
    private(set) var about: JSONValue?

    required init(_ instance: PluginInstance, _ facet: ModuleFacet, _ plan: ModulePlan) throws(PluginFailure)
    {
        try super.init(instance, facet, plan)
        repointed()
    }

    override func repointed() {
        fields = instance.library.manifest.modules[.auth]?.fields ?? []
        about = nil
        guard let describe = instance.auth?.describe, let own = instance.own else { return }
        var blob = jf_blob.none
        var fault = jf_fault.empty()
        defer { blob.dropOnce() }
        guard describe(own, handle, &blob, &fault) == JF_OK else { return }
        about = try? JSONValue(parsing: blob.bytes)
    }
}

/// What all providers of one lane ask for and say together. Immutable but for what is learnt of swapped plugins.
final class IdentityGate {
    let plan: AuthPlan
    let providers: [AuthBinding]
    /// Whose requests are; nil: there are no tenants.
    let tenants: TenantGate?
    /// All fields that some provider looks at, or that name a tenant, in lower case.
    let fields: [[UInt8]]
    private let names: [UnsafeMutableRawBufferPointer]
    private let ranges: [[Bool]]

    init(_ plan: AuthPlan, _ providers: [AuthBinding], _ tenants: TenantGate?) {
        self.plan = plan
        self.providers = providers
        self.tenants = tenants
        var names: [String] = []
        let wanted = providers.flatMap(\.fields) + (tenants?.fields ?? [])
        for name in wanted.map({ $0.lowercased() }) where !names.contains(name) {
            names.append(name)
        }
        fields = names.map { Array($0.utf8) }
        self.names = names.map { name in
            let memory = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(name.utf8.count, 1), alignment: 1)
            memory.copyBytes(from: name.utf8)
            return UnsafeMutableRawBufferPointer(rebasing: memory[0..<name.utf8.count])
        }
        ranges = providers.map { provider in
            names.map { name in provider.fields.contains { $0.lowercased() == name } }
        }
    }

    /// A field's name, at an address that lives as long as the gate.
    func name(_ field: Int) -> jf_view { jf_view(UnsafeRawBufferPointer(names[field])) }

    deinit { for name in names { name.deallocate() } }

    /// Whether a provider looks at a field.
    func shows(_ field: Int, to provider: Int) -> Bool { ranges[provider][field] }

    /// Which of `fields` a name is, in whatever case.
    @inline(__always)
    func index(of name: UnsafeRawBufferPointer) -> Int? {
        for at in names.indices where names[at].count == name.count {
            var place = 0
            while place < name.count, names[at][place] == lowercased(name[place]) { place += 1 }
            if place == name.count { return at }
        }
        return nil
    }

    private func texts(_ member: String) -> [String] {
        var found: [String] = []
        for text in providers.flatMap({ $0.about?[member]?.array ?? [] }).compactMap(\.string)
        where !found.contains(text) {
            found.append(text)
        }
        return found
    }

    /// Values of WWW-Authenticate beside the Bearer one.
    var challenges: [String] { texts("challenges") }

    /// What RFC 9728 calls the metadata of a protected resource; nil: there is no authorization server to name.
    /// - Parameter scopes: those that the endpoint's own servers ask for.
    func metadata(resource: String, scopes: [String]) -> [UInt8]? {
        let servers = texts("authorization_servers")
        guard !servers.isEmpty else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("resource")
        writer.value(resource)
        func list(_ name: String, _ texts: [String]) {
            guard !texts.isEmpty else { return }
            writer.key(name)
            writer.beginArray()
            for text in texts { writer.value(text) }
            writer.endArray()
        }
        list("authorization_servers", servers)
        var supported = plan.scopes
        for scope in texts("scopes_supported") + scopes where !supported.contains(scope) {
            supported.append(scope)
        }
        list("scopes_supported", supported)
        let methods = texts("bearer_methods_supported")
        list("bearer_methods_supported", methods.isEmpty ? ["header"] : methods)
        let own = [
            "resource", "authorization_servers", "scopes_supported", "bearer_methods_supported", "challenges",
        ]
        var seen = Set(own)
        for member in providers.flatMap({ $0.about?.object ?? [] }) where seen.insert(member.key).inserted {
            writer.key(member.key)
            writer.raw(member.value.serialized())
        }
        if seen.insert("resource_name").inserted {
            writer.key("resource_name")
            writer.value("Jackfield")
        }
        writer.endObject()
        return writer.bytes
    }
}

@inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }
