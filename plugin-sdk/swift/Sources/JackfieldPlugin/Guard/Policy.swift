// SPDX-License-Identifier: Apache-2.0
// The facet jf.policy/1 as a plugin author writes it: says who may do what.

import CJackfield

/// Says who may do what. There is one value per configured policy, on each event loop. All methods are called
/// on the instance's lane, one at a time. ``decide(_:context:)`` is on the path of every call, and is asked for
/// every item of a list that nobody of the same class has asked for.
public protocol Policy {
    /// Begins to serve one configured policy.
    /// - Parameters:
    ///   - name: as the configuration calls it.
    ///   - configuration: its options, valid against the manifest's `policy.config` schema.
    ///   - host: to be kept for as long as this value lives.
    /// - Throws: why it cannot; the text goes to the gateway's log.
    init(name: String, configuration: JSONReader, host: Host) throws

    /// Decides about one access.
    /// - Throws: no decision: whether the call goes on is the operator's `on_error`.
    mutating func decide(_ access: borrowing Access, context: AnswerContext) throws -> Ruling

    /// Names the class that a principal belongs to: those of one class are shown the same lists until
    /// ``Host/policyChanged()``.
    func classify(_ principal: borrowing Principal) -> PrincipalClass

    /// The policy was taken out of the configuration, or the gateway stops.
    mutating func detach()
}

extension Policy {
    /// Each is a class of its own.
    public func classify(_ principal: borrowing Principal) -> PrincipalClass { .own }
    /// Nothing to let go of.
    public mutating func detach() {}
}

/// Whose lists are alike.
public enum PrincipalClass: Sendable, Equatable {
    /// Those of this name.
    case named(String)
    /// This principal's own.
    case own
    /// Nobody's: decisions depend on more than the principal, such as the time.
    case none
}

/// One thing that somebody wants to do with one item; borrowed until the method returns.
public struct Access: ~Escapable {
    private let raw: jf_access

    /// `raw` must stay readable for as long as the pointer's owner lends it.
    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<jf_access>) {
        raw = attach(UnsafeRawPointer(pointer), jf_access()) ?? jf_access()
    }

    /// Who it is; nobody is known where ``Principal/isKnown`` is false.
    public var principal: Principal {
        @_lifetime(copy self) get { _overrideLifetime(Principal(raw.principal), copying: self) }
    }
    /// It is only asked whether a list shows the item.
    public var isListing: Bool { raw.flags & JF_ACCESS_LISTING != 0 }
    /// Nothing happens, somebody wants to know. Not to be counted.
    public var isExplaining: Bool { raw.flags & JF_ACCESS_EXPLAIN != 0 }
    /// What the item is.
    public var kind: ItemKind { ItemKind(rawValue: raw.kind) }
    /// What a tool's annotations say.
    public var traits: RoutingTraits { RoutingTraits(rawValue: raw.traits) }
    /// Milliseconds of Unix time.
    public var nowMilliseconds: UInt64 { raw.now_ms }

    /// The MCP method: "tools/call".
    public var action: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.action, within: self) }
    }
    /// The server's name in the configuration.
    public var server: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.server, within: self) }
    }
    /// The item as its server spells it: a tool's name, a URI.
    public var name: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.name, within: self) }
    }
    /// The item as this endpoint's clients know it.
    public var shown: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.shown, within: self) }
    }
    /// The endpoint ("/mcp").
    public var target: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.target, within: self) }
    }
    /// What the server listed of it, JSON; nil: it is in no list.
    public var definition: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.definition, within: self) }
    }
    /// A call's arguments, JSON; nil where the item is only listed. ``Host/read(_:)`` reads them.
    public var arguments: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.arguments, within: self) }
    }
    /// The client's address; nil: not known.
    public var address: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.address, within: self) }
    }
    /// The gateway's own region; nil: not configured.
    public var region: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.region, within: self) }
    }

    /// The server's label of that name; a tag has an empty value. Nil: it has none.
    public func label(_ name: String) -> String? {
        guard let labels = raw.labels else { return nil }
        for index in 0..<Int(clamping: raw.label_count)
        where labels[index].name.bytes.elementsEqual(name.utf8) { return labels[index].value.text }
        return nil
    }
}

/// What an item of a list is.
public struct ItemKind: Hashable, Sendable {
    /// `JF_TOOLS`, …
    public let rawValue: UInt32

    /// - Parameter rawValue: `JF_TOOLS`, …
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A tool.
    public static let tool = ItemKind(rawValue: 0)
    /// A resource.
    public static let resource = ItemKind(rawValue: 1)
    /// A template of resources.
    public static let template = ItemKind(rawValue: 2)
    /// A prompt.
    public static let prompt = ItemKind(rawValue: 3)
}

/// What a policy decides.
public struct Ruling: Answer, Equatable {
    /// The words of the ABI, and one for a decision that comes later.
    enum Decision: UInt32 { case allow, deny, hide, pending }

    let decision: Decision
    /// Which rule decided, for audit and `jackfield explain`: "rules[3]".
    public var rule: String?
    /// A denial: one sentence for the client.
    public var text: String?
    /// A denial that more scopes would lift: all that are needed.
    public var scopes: [String] = []
    /// A dry run: it would be so, and is only recorded; the call goes on.
    public var isDry = false

    init(_ decision: Decision, rule: String?, text: String? = nil) {
        self.decision = decision
        self.rule = rule
        self.text = text
    }

    /// It may.
    public static let allow = Ruling(.allow, rule: nil)
    /// It may, by this rule.
    public static func allow(rule: String) -> Ruling { Ruling(.allow, rule: rule) }
    /// It may not: 403, with this text.
    public static func deny(rule: String? = nil, _ text: String? = nil) -> Ruling {
        Ruling(.deny, rule: rule, text: text)
    }
    /// It may not, as if there were no such item.
    public static func hide(rule: String? = nil) -> Ruling { Ruling(.hide, rule: rule) }
    /// It may not unless it has all these scopes: the client can step up.
    public static func needs(_ scopes: [String], rule: String? = nil, _ text: String? = nil) -> Ruling {
        var ruling = Ruling(.deny, rule: rule, text: text)
        ruling.scopes = scopes
        return ruling
    }
    /// Stands for a decision that comes later.
    public static let pending = Ruling(.pending, rule: nil)
    /// Whether it stands for a decision that comes later.
    public var isPending: Bool { decision == .pending }

    /// The same as a dry run.
    public var dry: Ruling {
        var ruling = self
        ruling.isDry = true
        return ruling
    }

    /// Writes the object that a decision is when it comes later.
    public func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("decision", decision == .allow ? "allow" : decision == .deny ? "deny" : "hide")
            writer.member("rule", ifPresent: rule)
            writer.member("text", ifPresent: text)
            if !scopes.isEmpty { writer.member("scopes", .array(scopes.map { .text($0) })) }
            if isDry { writer.member("dry", true) }
        }
    }
}

extension Host {
    /// Decisions may be others from now on: lists are made anew. For a ``Policy``; the manifest must list
    /// `jf.policies/1`. [lane]
    public func policyChanged() {
        guard let policies = services.policiesService, let changed = policies.changed else { return }
        _ = services.whileOpen { _ in changed(policies.context, set) }
    }
}
