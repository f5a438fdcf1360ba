// SPDX-License-Identifier: Apache-2.0
// The facet jf.toolset/1 as a plugin author writes it: an MCP server in process.

/// An MCP server in process. There is one value per configured server (and per event loop, where the manifest
/// says `threads: per-loop`), so stored properties belong to one server on one thread.
///
/// All methods are called on the instance's lane, one at a time. They must not block: what takes longer than
/// a millisecond answers with ``CallContext/later(_:)``. Errors that they throw become answers (see
/// ``ToolArgumentError``, ``ToolFailure``, ``PluginError``). A Swift trap (`fatalError`, an index out of
/// range, integer overflow, `!` on nil) cannot be caught: it ends the whole gateway, or the cell that the
/// plugin runs in.
///
/// The manifest's `threads` must be `per-loop` or `serial`.
public protocol Toolset {
    /// Opens a server.
    /// - Parameters:
    ///   - name: as the gateway's configuration calls it.
    ///   - configuration: its entry, valid against the manifest's `toolset.config` schema.
    ///   - host: to be kept for as long as this value lives.
    /// - Throws: what keeps the server from working; the text goes to the gateway's log.
    init(name: String, configuration: JSONReader, host: Host) throws

    /// tools/list
    var tools: [Tool] { get }
    /// resources/list
    var resources: [Resource] { get }
    /// resources/templates/list
    var templates: [ResourceTemplate] { get }
    /// prompts/list
    var prompts: [Prompt] { get }

    /// tools/call. The name may be one that ``tools`` does not list: throw ``unknown(_:)``.
    mutating func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult
    /// resources/read. nil: there is no such resource.
    mutating func read(_ uri: String, context: CallContext) throws -> ResourceResult?
    /// prompts/get. nil: there is no such prompt.
    mutating func prompt(_ name: String, arguments: Arguments, context: CallContext) throws -> PromptResult?
    /// The server was taken out of the configuration, or the gateway stops; no request is open. The host does
    /// nothing any more when it stops.
    mutating func close()
}

extension Toolset {
    /// None.
    public var tools: [Tool] { [] }
    /// None.
    public var resources: [Resource] { [] }
    /// None.
    public var templates: [ResourceTemplate] { [] }
    /// None.
    public var prompts: [Prompt] { [] }

    /// No tool has that name.
    public mutating func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult
    {
        throw unknown(name)
    }
    /// There is no such resource.
    public mutating func read(_ uri: String, context: CallContext) throws -> ResourceResult? { nil }
    /// There is no such prompt.
    public mutating func prompt(_ name: String, arguments: Arguments, context: CallContext) throws
        -> PromptResult?
    {
        nil
    }
    /// Nothing to let go of.
    public mutating func close() {}

    /// To be thrown for a tool that does not exist.
    public func unknown(_ name: String) -> ToolArgumentError {
        ToolArgumentError("there is no tool '\(name)'")
    }
}

/// A toolset that suggests values for arguments of its prompts and templates.
public protocol CompletingToolset: Toolset {
    /// completion/complete.
    mutating func complete(_ request: CompletionRequest, context: CallContext) throws -> Completion
}
