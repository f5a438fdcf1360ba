// SPDX-License-Identifier: Apache-2.0
// What a toolset lists: tools, resources, templates, prompts.

/// One tool, as tools/list shows it.
public struct Tool: Sendable {
    /// What requests call it.
    public var name: String
    /// What people see.
    public var title: String?
    /// What it is for.
    public var description: String
    /// JSON Schema of the arguments.
    public var inputSchema: JSONValue
    /// JSON Schema of the structured result.
    public var outputSchema: JSONValue?
    /// What clients may expect of it.
    public var hints: Hints

    /// What a client may expect of a tool. nil: not said, which clients take as the worst case.
    public struct Hints: Sendable {
        /// It changes nothing.
        public var readOnly: Bool?
        /// It may destroy something.
        public var destructive: Bool?
        /// Calling it again with the same arguments changes nothing more.
        public var idempotent: Bool?
        /// It deals with the world outside.
        public var openWorld: Bool?

        /// What is not named is not said.
        public init(
            readOnly: Bool? = nil, destructive: Bool? = nil, idempotent: Bool? = nil, openWorld: Bool? = nil
        ) {
            self.readOnly = readOnly
            self.destructive = destructive
            self.idempotent = idempotent
            self.openWorld = openWorld
        }
    }

    /// A tool whose arguments are named fields; `output` describes its structured result, if it has one.
    public init(
        _ name: String, title: String? = nil, _ description: String, input: [Field] = [],
        output: [Field]? = nil,
        hints: Hints = Hints()
    ) {
        self.init(
            name, title: title, description, inputSchema: .object(fields: input),
            outputSchema: output.map { .object(fields: $0) }, hints: hints)
    }

    /// A tool with schemas of any shape; `inputSchema` must be of type object.
    public init(
        _ name: String, title: String? = nil, _ description: String, inputSchema: JSONValue,
        outputSchema: JSONValue? = nil, hints: Hints = Hints()
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
        self.hints = hints
    }
}

/// A resource with a fixed address.
public struct Resource: Sendable {
    /// Its address.
    public var uri: String
    /// What requests call it.
    public var name: String
    /// What people see.
    public var title: String?
    /// What it is for.
    public var description: String?
    /// What kind of data it is.
    public var mimeType: String?
    /// In bytes, before any encoding.
    public var size: Int?

    /// A resource.
    public init(
        _ uri: String, name: String, title: String? = nil, description: String? = nil,
        mimeType: String? = nil,
        size: Int? = nil
    ) {
        self.uri = uri
        self.name = name
        self.title = title
        self.description = description
        self.mimeType = mimeType
        self.size = size
    }
}

/// A family of resources; the address has variables: "logs://{day}".
public struct ResourceTemplate: Sendable {
    /// RFC 6570
    public var uriTemplate: String
    /// What requests call it.
    public var name: String
    /// What people see.
    public var title: String?
    /// What it is for.
    public var description: String?
    /// What kind of data it is.
    public var mimeType: String?

    /// A family of resources.
    public init(
        _ uriTemplate: String, name: String, title: String? = nil, description: String? = nil,
        mimeType: String? = nil
    ) {
        self.uriTemplate = uriTemplate
        self.name = name
        self.title = title
        self.description = description
        self.mimeType = mimeType
    }
}

/// A prompt that a user can pick. Its arguments are always texts.
public struct Prompt: Sendable {
    /// What requests call it.
    public var name: String
    /// What people see.
    public var title: String?
    /// What it is for.
    public var description: String?
    /// What it takes.
    public var arguments: [Argument]

    /// One argument of a prompt.
    public struct Argument: Sendable {
        /// What requests call it.
        public var name: String
        /// What it is for.
        public var description: String
        /// Whether it must be given.
        public var isRequired: Bool

        /// An argument.
        public init(_ name: String, _ description: String, required: Bool = true) {
            self.name = name
            self.description = description
            isRequired = required
        }
    }

    /// A prompt.
    public init(_ name: String, title: String? = nil, description: String? = nil, arguments: [Argument] = [])
    {
        self.name = name
        self.title = title
        self.description = description
        self.arguments = arguments
    }
}
