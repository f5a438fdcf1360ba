// SPDX-License-Identifier: Apache-2.0
// What requests are answered with.

/// A result that can also come later, see ``CallContext/later(_:)``.
public protocol Answer: Sendable {
    /// Writes the result object of MCP 2026-07-28.
    func encode(into writer: inout JSONWriter)
    /// Stands for a result that comes later. Only ``CallContext/later(_:)`` makes it.
    static var pending: Self { get }
    /// Whether it stands for a result that comes later.
    var isPending: Bool { get }
    /// How this kind of result says that the work failed; nil: it cannot, so it is an error of the protocol.
    static func failure(_ text: String) -> Self?
    /// As it goes to the host: the result object, but for what has another form.
    var encoded: EncodedAnswer { get }
}

extension Answer {
    /// It cannot.
    public static func failure(_ text: String) -> Self? { nil }
    /// The result object.
    public var encoded: EncodedAnswer {
        var writer = JSONWriter()
        encode(into: &writer)
        return EncodedAnswer(outcome: .result(writer.bytes))
    }
}

/// A result as it goes to the host.
public struct EncodedAnswer {
    let outcome: Outcome
}

/// A part of a tool's result or of a prompt.
public enum Content: Sendable {
    /// Text.
    case text(String)
    /// An image.
    case image([UInt8], mimeType: String)
    /// A sound.
    case audio([UInt8], mimeType: String)
    /// Embeds a resource.
    case resource(ResourceContents)
    /// Points to a resource.
    case link(Resource)
}

/// The contents of one resource.
public struct ResourceContents: Sendable {
    enum Body: Sendable {
        /// Text.
        case text(String)
        case blob([UInt8])
    }

    /// The address that was read.
    public var uri: String
    /// What kind of data it is.
    public var mimeType: String?
    let body: Body

    /// Text.
    public static func text(_ uri: String, _ text: String, mimeType: String? = "text/plain")
        -> ResourceContents
    {
        ResourceContents(uri: uri, mimeType: mimeType, body: .text(text))
    }
    /// Bytes.
    public static func blob(_ uri: String, _ bytes: [UInt8], mimeType: String? = nil) -> ResourceContents {
        ResourceContents(uri: uri, mimeType: mimeType, body: .blob(bytes))
    }
}

/// The answer to tools/call.
public struct ToolResult: Answer {
    /// What the model or user gets.
    public var content: [Content]
    /// The result as data, fitting the tool's output schema.
    public var structured: JSONValue?
    /// The tool failed at its job; the content says how.
    public var isError: Bool
    /// Whether it stands for a result that comes later.
    public private(set) var isPending = false

    /// A result of several parts.
    public init(_ content: [Content], structured: JSONValue? = nil, isError: Bool = false) {
        self.content = content
        self.structured = structured
        self.isError = isError
    }

    /// One text.
    public static func text(_ text: String) -> ToolResult { ToolResult([.text(text)]) }
    /// Data, with a text for clients that read no data (nil: the data as JSON).
    public static func structured(_ value: JSONValue, text: String? = nil) -> ToolResult {
        ToolResult([.text(text ?? value.json)], structured: value)
    }
    /// One image.
    public static func image(_ bytes: [UInt8], mimeType: String) -> ToolResult {
        ToolResult([.image(bytes, mimeType: mimeType)])
    }
    /// The tool failed at its job. Throwing ``ToolFailure`` does the same.
    public static func error(_ text: String) -> ToolResult { ToolResult([.text(text)], isError: true) }

    /// Stands for a result that comes later; only ``CallContext/later(_:)`` makes it.
    public static var pending: ToolResult {
        var result = ToolResult([])
        result.isPending = true
        return result
    }
    /// A result with `isError`, for the model to read.
    public static func failure(_ text: String) -> ToolResult? { .error(text) }
}

/// The answer to resources/read.
public struct ResourceResult: Answer {
    /// The contents; more than one for a folder, for example.
    public var contents: [ResourceContents]
    /// How long a client may keep it.
    public var freshFor: Duration
    /// Whether it may be shared between users.
    public var isPublic: Bool
    /// Whether it stands for a result that comes later.
    public private(set) var isPending = false

    /// What a resource holds.
    public init(_ contents: [ResourceContents], freshFor: Duration = .zero, isPublic: Bool = false) {
        self.contents = contents
        self.freshFor = freshFor
        self.isPublic = isPublic
    }

    /// Stands for a result that comes later; only ``CallContext/later(_:)`` makes it.
    public static var pending: ResourceResult {
        var result = ResourceResult([])
        result.isPending = true
        return result
    }
}

/// The answer to prompts/get.
public struct PromptResult: Answer {
    /// Who is made to speak.
    public enum Role: String, Sendable {
        /// The user; the model.
        case user, assistant
    }

    /// One message of the conversation.
    public struct Message: Sendable {
        /// Who speaks.
        public var role: Role
        /// What is said.
        public var content: Content

        /// A message, of the user if not said otherwise.
        public init(_ role: Role = .user, _ content: Content) {
            self.role = role
            self.content = content
        }
    }

    /// What it is for.
    public var description: String?
    /// The conversation.
    public var messages: [Message]
    /// Whether it stands for a result that comes later.
    public private(set) var isPending = false

    /// A conversation.
    public init(_ messages: [Message], description: String? = nil) {
        self.messages = messages
        self.description = description
    }

    /// One message of the user.
    public static func text(_ text: String, description: String? = nil) -> PromptResult {
        PromptResult([Message(.user, .text(text))], description: description)
    }

    /// Stands for a result that comes later; only ``CallContext/later(_:)`` makes it.
    public static var pending: PromptResult {
        var result = PromptResult([])
        result.isPending = true
        return result
    }
}

/// What completion/complete asks.
public struct CompletionRequest: Sendable {
    /// What an argument belongs to.
    public enum Subject: Sendable, Equatable {
        /// A prompt.
        case prompt(String)
        /// A URI template.
        case template(String)
    }

    /// What the argument belongs to.
    public let subject: Subject
    /// The argument being typed, and what was typed so far.
    public let argument: String
    /// What was typed so far.
    public let value: String
    /// The arguments that are settled already.
    public let context: [(name: String, value: String)]
}

/// The answer to completion/complete.
public struct Completion: Answer {
    /// The most values that MCP allows in one answer.
    public static let limit = 100

    /// The values suggested, best first.
    public var values: [String]
    /// How many there are in all.
    public var total: Int
    /// Whether it stands for a result that comes later.
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

    /// Stands for a result that comes later; only ``CallContext/later(_:)`` makes it.
    public static var pending: Completion {
        var result = Completion([])
        result.isPending = true
        return result
    }
}
