// SPDX-License-Identifier: Apache-2.0
// How a server's result is to be shown to a client: everything about the call that decides its words.

/// How a tool's structured result is shown to legacy clients, which know objects only (2025-06-18, "Structured content").
/// What its list said of its output schema decides, so that result and schema agree.
public enum StructuredShape: UInt8, Sendable {
    /// An object stays; any other value becomes `{"result":…}`.
    case asIs
    /// The schema was shown as that of `{"result":…}`: every value is put there, objects too.
    case wrapped
    /// The schema could not be shown: the text copy stands alone.
    case dropped
}

/// The cache fields of a result; what is nil here is as its server says, and 0 and private where it says nothing.
public struct CachePolicy: Equatable, Sendable {
    /// Milliseconds.
    public var ttl: UInt64?
    public var isPublic: Bool?

    public init(ttl: UInt64? = nil, isPublic: Bool? = nil) {
        self.ttl = ttl
        self.isPublic = isPublic
    }

    /// For answers to retries with `inputResponses` or `requestState`, which are never cacheable.
    public static let never = CachePolicy(ttl: 0, isPublic: false)
}

/// What decides how one server's result is written for one client.
public struct ResultForm {
    /// What was asked.
    public var method: Method
    public var serverIsModern: Bool
    public var client: Revision
    /// Raw JSON of our Implementation object.
    public var identity: StaticString
    /// resources/read: the URI under which the client knows the resource, where the server's differs.
    public var shownURI: String? {
        get { names?.uri }
        set { if names != nil || newValue != nil { names = Names(newValue, shownURIs, relatedTask) } }
    }
    /// Other resources of the server that the client knows under another URI: the server's own → the one shown.
    public var shownURIs: [String: String] {
        get { names?.others ?? [:] }
        set { if names != nil || !newValue.isEmpty { names = Names(shownURI, newValue, relatedTask) } }
    }
    public var structured = StructuredShape.asIs
    /// resources/read, modern clients.
    public var cache = CachePolicy()
    /// Legacy servers: the reserved `_meta` keys of their hop go, even where nothing else changes.
    public var dropsReserved = false
    /// Legacy clients: the task that the result belongs to, by our id.
    public var relatedTask: String? {
        get { names?.task }
        set { if names != nil || newValue != nil { names = Names(shownURI, shownURIs, newValue) } }
    }
    /// What few calls have: apart, since a form is passed on by value for every call.
    private var names: Names?

    private final class Names {
        let uri: String?
        let others: [String: String]
        let task: String?

        init(_ uri: String?, _ others: [String: String], _ task: String?) {
            self.uri = uri
            self.others = others
            self.task = task
        }
    }

    public init(method: Method, serverIsModern: Bool, client: Revision, identity: StaticString) {
        self.method = method
        self.serverIsModern = serverIsModern
        self.client = client
        self.identity = identity
    }
}
