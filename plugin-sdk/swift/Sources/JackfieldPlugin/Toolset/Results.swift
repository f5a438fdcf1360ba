// SPDX-License-Identifier: Apache-2.0
// What requests are answered with.

/// A result that can also come later, see ``CallContext/later(_:)``.
public protocol Answer: Sendable {
    /// Writes the result object of MCP 2026-07-28.
    func encode(into writer: inout JSONWriter)
    /// Stands for a result that comes later. Only ``CallContext/later(_:)`` makes it.
    static var pending: Self { get }
    var isPending: Bool { get }
    /// How this kind of result says that the work failed; nil: it cannot, so it is an error of the protocol.
    static func failure(_ text: String) -> Self?
}

extension Answer {
    public static func failure(_ text: String) -> Self? { nil }
}

/// A part of a tool's result or of a prompt.
public enum Content: Sendable {
    case text(String)
    case image([UInt8], mimeType: String)
    case audio([UInt8], mimeType: String)
    /// Embeds a resource.
    case resource(ResourceContents)
    /// Points to a resource.
    case link(Resource)
}

/// The contents of one resource.
public struct ResourceContents: Sendable {
    enum Body: Sendable {
        case text(String)
        case blob([UInt8])
    }

    public var uri: String
    public var mimeType: String?
    let body: Body

    public static func text(_ uri: String, _ text: String, mimeType: String? = "text/plain")
        -> ResourceContents
    {
        ResourceContents(uri: uri, mimeType: mimeType, body: .text(text))
    }
    public static func blob(_ uri: String, _ bytes: [UInt8], mimeType: String? = nil) -> ResourceContents {
        ResourceContents(uri: uri, mimeType: mimeType, body: .blob(bytes))
    }
}

/// The answer to tools/call.
public struct ToolResult: Answer {
    public var content: [Content]
    /// The result as data, fitting the tool's output schema.
    public var structured: JSONValue?
    /// The tool failed at its job; the content says how.
    public var isError: Bool
    public private(set) var isPending = false

    public init(_ content: [Content], structured: JSONValue? = nil, isError: Bool = false) {
        self.content = content
        self.structured = structured
        self.isError = isError
    }

    public static func text(_ text: String) -> ToolResult { ToolResult([.text(text)]) }
    /// Data, with a text for clients that read no data (nil: the data as JSON).
    public static func structured(_ value: JSONValue, text: String? = nil) -> ToolResult {
        ToolResult([.text(text ?? value.json)], structured: value)
    }
    public static func image(_ bytes: [UInt8], mimeType: String) -> ToolResult {
        ToolResult([.image(bytes, mimeType: mimeType)])
    }
    /// The tool failed at its job. Throwing ``ToolFailure`` does the same.
    public static func error(_ text: String) -> ToolResult { ToolResult([.text(text)], isError: true) }

    public static var pending: ToolResult {
        var result = ToolResult([])
        result.isPending = true
        return result
    }
    public static func failure(_ text: String) -> ToolResult? { .error(text) }
}

/// The answer to resources/read.
public struct ResourceResult: Answer {
    public var contents: [ResourceContents]
    /// How long a client may keep it.
    public var freshFor: Duration
    /// Whether it may be shared between users.
    public var isPublic: Bool
    public private(set) var isPending = false

    public init(_ contents: [ResourceContents], freshFor: Duration = .zero, isPublic: Bool = false) {
        self.contents = contents
        self.freshFor = freshFor
        self.isPublic = isPublic
    }

    public static var pending: ResourceResult {
        var result = ResourceResult([])
        result.isPending = true
        return result
    }
}

/// The answer to prompts/get.
public struct PromptResult: Answer {
    public enum Role: String, Sendable {
        case user, assistant
    }

    public struct Message: Sendable {
        public var role: Role
        public var content: Content

        public init(_ role: Role = .user, _ content: Content) {
            self.role = role
            self.content = content
        }
    }

    public var description: String?
    public var messages: [Message]
    public private(set) var isPending = false

    public init(_ messages: [Message], description: String? = nil) {
        self.messages = messages
        self.description = description
    }

    /// One message of the user.
    public static func text(_ text: String, description: String? = nil) -> PromptResult {
        PromptResult([Message(.user, .text(text))], description: description)
    }

    public static var pending: PromptResult {
        var result = PromptResult([])
        result.isPending = true
        return result
    }
}

/// What completion/complete asks.
public struct CompletionRequest: Sendable {
    public enum Subject: Sendable, Equatable {
        case prompt(String)
        /// A URI template.
        case template(String)
    }

    public let subject: Subject
    /// The argument being typed, and what was typed so far.
    public let argument: String
    public let value: String
    /// The arguments that are settled already.
    public let context: [(name: String, value: String)]
}

/// The answer to completion/complete.
public struct Completion: Answer {
    /// The most values that MCP allows in one answer.
    public static let limit = 100

    public var values: [String]
    /// How many there are in all.
    public var total: Int
    public private(set) var isPending = false

    /// The first hundred of these values.
    public init(_ values: [String]) {
        self.values = Array(values.prefix(Completion.limit))
        total = values.count
    }

    /// Those candidates that begin with what was typed, upper and lower case alike.
    public init(_ candidates: [String], matching typed: String) {
        let typed = typed.lowercased()
        self.init(candidates.filter { $0.lowercased().hasPrefix(typed) })
    }

    public static var pending: Completion {
        var result = Completion([])
        result.isPending = true
        return result
    }
}
