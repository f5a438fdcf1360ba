// SPDX-License-Identifier: Apache-2.0
// Driving providers, policies, filters and credential sources.

import CJackfield
import CMockHost
import JackfieldPlugin

/// A principal as the gateway makes it of an identity; it lives as long as its host.
public struct MockPrincipal {
    let host: MockHost
    let pointer: UnsafePointer<jf_principal>
}

extension MockHost {
    /// A principal; nil: nobody is known.
    public func principal(_ identity: Identity? = nil) -> MockPrincipal {
        var writer = JSONWriter()
        if let identity { Identification.identity(identity).encode(into: &writer) }
        return MockPrincipal(
            host: self,
            pointer: identity == nil ? jf_mock_principal(mock, nil) : jf_mock_principal(mock, writer.text))
    }

    /// Begins to serve a configured provider.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func attachAuth(_ name: String = "test", _ options: JSONValue = [:]) throws -> MockAuth {
        MockAuth(host: self, handle: try attached(jf_mock_auth_attach(mock, name, options.json)))
    }
    /// Begins to serve a configured policy.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func attachPolicy(_ name: String = "test", _ options: JSONValue = [:]) throws -> MockPolicy {
        MockPolicy(host: self, handle: try attached(jf_mock_policy_attach(mock, name, options.json)))
    }
    /// Begins to serve a configured filter.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func attachFilter(_ name: String = "test", _ options: JSONValue = [:]) throws -> MockFilter {
        MockFilter(host: self, handle: try attached(jf_mock_filter_attach(mock, name, options.json)))
    }
    /// Begins to supply a server's credentials.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func attachCredentials(_ server: String = "test", _ options: JSONValue = [:]) throws
        -> MockCredentials
    {
        MockCredentials(
            host: self, handle: try attached(jf_mock_credentials_attach(mock, server, options.json)))
    }

    private func attached(_ handle: jf_ref) throws -> jf_ref {
        if handle == 0 { throw MockFailure(description: why) }
        return handle
    }

    // MARK: jf.state/1

    /// What the plugin keeps under a key, as text, counters as digits; nil: nothing.
    public func keptState(_ key: String) -> String? { take(jf_mock_state_get(mock, key)) }
    /// Keeps a text under a key, as another gateway would; nil removes it.
    public func keepState(_ key: String, _ value: String?) {
        if let value { jf_mock_state_set(mock, key, value) } else { jf_mock_state_set(mock, key, nil) }
    }
    /// From now on each operation of the store ends like this; ``MockStatus/ok``: as it should.
    public func failState(_ status: MockStatus) { jf_mock_state_fail(mock, status.rawValue) }
}

/// A provider as the gateway asks it. The answers' results are principals' JSON.
public struct MockAuth {
    let host: MockHost
    /// The plugin's handle.
    public let handle: UInt64

    /// A request with one header field; nil: without any.
    public func identify(_ value: String?, field: String = "authorization") -> MockRequest {
        guard let value else {
            return MockRequest(host: host, handle: jf_mock_identify_field(host.mock, handle, field, nil))
        }
        return MockRequest(host: host, handle: jf_mock_identify_field(host.mock, handle, field, value))
    }

    /// What clients without credentials are told, JSON; nil: nothing.
    public var metadata: String? { take(jf_mock_describe(host.mock, handle, nil)) }
    /// The provider is taken away.
    public func detach() { jf_mock_auth_detach(host.mock, handle) }
}

/// A policy as the gateway asks it.
public struct MockPolicy {
    let host: MockHost
    /// The plugin's handle.
    public let handle: UInt64

    /// What a policy decided.
    public struct Decision: Equatable, Sendable {
        /// ``MockStatus/pending`` while it is open.
        public let status: MockStatus
        /// "allow", "deny", "hide"; nil: an error, which is no decision.
        public let decision: String?
        /// Which rule decided.
        public let rule: String?
        /// What the client is told.
        public let text: String?
        /// What would be needed, joined by spaces.
        public let scopes: String?
        /// Only recorded.
        public let isDry: Bool
    }

    /// Asks for one access: a call of a tool of the server "server".
    public func decide(
        _ tool: String, by who: MockPrincipal? = nil, arguments: JSONValue = [:], isListing: Bool = false,
        nowMilliseconds: UInt64? = nil
    ) -> MockRequest {
        // Kept by the C strings of this call alone: the mock lends copies.
        withCString(tool) { tool in
            withCString(arguments.json) { json in
                var access = jf_mock_access(host.mock, (who ?? host.principal()).pointer, tool, json)
                if isListing {
                    access.flags |= JF_ACCESS_LISTING
                    access.arguments = jf_view(ptr: nil, len: 0)
                }
                if let nowMilliseconds { access.now_ms = nowMilliseconds }
                return MockRequest(host: host, handle: jf_mock_decide(host.mock, handle, &access))
            }
        }
    }

    /// What a question of ``decide(_:by:arguments:isListing:nowMilliseconds:)`` came to.
    public func decision(of request: MockRequest) -> Decision {
        let it = jf_mock_ruling_of(host.mock, request.handle)
        let names = ["allow", "deny", "hide"]
        return Decision(
            status: MockStatus(it.status),
            decision: it.decision < 3 ? names[Int(it.decision)] : nil,
            rule: it.rule.map { String(cString: $0) },
            text: it.text.map { String(cString: $0) }, scopes: it.scopes.map { String(cString: $0) },
            isDry: it.dry)
    }

    /// The class that somebody belongs to; nil: one of its own, or none.
    public func classify(_ who: MockPrincipal) -> String? {
        take(jf_mock_classify(host.mock, handle, who.pointer, nil))
    }
    /// The policy is taken away.
    public func detach() { jf_mock_policy_detach(host.mock, handle) }
}

private func withCString<Result>(_ text: String, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    text.withCString(body)
}

/// A filter as the gateway asks it.
public struct MockFilter {
    let host: MockHost
    /// The plugin's handle.
    public let handle: UInt64

    /// A call of a tool begins; `arguments` nil: it has none.
    public func request(_ tool: String, _ arguments: JSONValue? = [:], by who: MockPrincipal? = nil)
        -> MockPassage
    {
        let principal = (who ?? host.principal()).pointer
        guard let arguments else {
            return MockPassage(
                host: host, handle: jf_mock_filter_request(host.mock, handle, principal, tool, nil))
        }
        return MockPassage(
            host: host, handle: jf_mock_filter_request(host.mock, handle, principal, tool, arguments.json))
    }
    /// The filter is taken away.
    public func detach() { jf_mock_filter_detach(host.mock, handle) }
}

/// A request or a result on its way through a filter.
public struct MockPassage {
    let host: MockHost
    /// The operation.
    public let handle: UInt64

    /// How the question stands.
    public var answer: MockAnswer { MockRequest(host: host, handle: handle).answer }
    /// Runs the loop until the filter has answered.
    public func wait(timeout: Duration = .seconds(5)) -> MockAnswer {
        MockRequest(host: host, handle: handle).wait(timeout: timeout)
    }

    /// What becomes of it.
    public enum Decision: UInt32, Sendable {
        /// It goes on as it is.
        case pass
        /// It goes on changed.
        case splice
        /// A result takes its place.
        case answer
        /// It is kept, and a link takes its place; what goes on where it cannot be is the body.
        case spill
    }
    /// What the filter decided.
    public var decision: Decision {
        Decision(rawValue: jf_mock_filtered_of(host.mock, handle).decision) ?? .pass
    }
    /// What goes on, changes applied, or the answer; nil: nothing does.
    public var body: String? { jf_mock_filtered_of(host.mock, handle).body.map { String(cString: $0) } }
    /// What the filter remembers of the call.
    public var memory: UInt64 { jf_mock_filtered_of(host.mock, handle).memory }

    /// The result of this request comes back.
    public func result(_ result: JSONValue) -> MockPassage {
        MockPassage(host: host, handle: jf_mock_filter_result(host.mock, handle, result.json))
    }
    /// The call is over.
    public func end(_ status: MockStatus = .ok) { jf_mock_filter_ended(host.mock, handle, status.rawValue) }
}

/// A source of credentials as the gateway asks it. The answers' results are supplies' JSON.
public struct MockCredentials {
    let host: MockHost
    /// The plugin's handle.
    public let handle: UInt64

    /// A request to the server; `refused`: the server said no to what it was shown.
    public func supply(for who: MockPrincipal? = nil, refused: Bool = false, mayConnect: Bool = false)
        -> MockRequest
    {
        var demand = jf_mock_demand(host.mock, (who ?? host.principal()).pointer)
        if refused {
            demand.refused = Int32(JF_STATUS_UNAUTHORIZED)
            demand.attempt = 1
        }
        if mayConnect { demand.flags |= JF_DEMAND_URL }
        return MockRequest(host: host, handle: jf_mock_supply(host.mock, handle, &demand))
    }
    /// The server is taken away.
    public func detach() { jf_mock_credentials_detach(host.mock, handle) }
}
