// SPDX-License-Identifier: Apache-2.0
// Lists and results in the shapes of MCP 2026-07-28.

extension Tool {
    func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("title", ifPresent: title)
            writer.member("description", description)
            writer.member("inputSchema", inputSchema)
            if let outputSchema { writer.member("outputSchema", outputSchema) }
            guard hints.readOnly ?? hints.destructive ?? hints.idempotent ?? hints.openWorld != nil else {
                return
            }
            writer.member("annotations") { writer in
                writer.object { writer in
                    writer.member("readOnlyHint", ifPresent: hints.readOnly)
                    writer.member("destructiveHint", ifPresent: hints.destructive)
                    writer.member("idempotentHint", ifPresent: hints.idempotent)
                    writer.member("openWorldHint", ifPresent: hints.openWorld)
                }
            }
        }
    }
}

extension Resource {
    func encode(into writer: inout JSONWriter, type: String? = nil) {
        writer.object { writer in
            writer.member("type", ifPresent: type)
            writer.member("uri", uri)
            writer.member("name", name)
            writer.member("title", ifPresent: title)
            writer.member("description", ifPresent: description)
            writer.member("mimeType", ifPresent: mimeType)
            if let size { writer.member("size", .integer(size)) }
        }
    }
}

extension ResourceTemplate {
    func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("uriTemplate", uriTemplate)
            writer.member("name", name)
            writer.member("title", ifPresent: title)
            writer.member("description", ifPresent: description)
            writer.member("mimeType", ifPresent: mimeType)
        }
    }
}

extension Prompt {
    func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("title", ifPresent: title)
            writer.member("description", ifPresent: description)
            writer.member("arguments") { writer in
                writer.array { writer in
                    for argument in arguments {
                        writer.object { writer in
                            writer.member("name", argument.name)
                            writer.member("description", argument.description)
                            writer.member("required", .bool(argument.isRequired))
                        }
                    }
                }
            }
        }
    }
}

extension ResourceContents {
    func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("uri", uri)
            writer.member("mimeType", ifPresent: mimeType)
            switch body {
            case .text(let text): writer.member("text", text)
            case .blob(let bytes): writer.member("blob", base64(bytes))
            }
        }
    }
}

extension Content {
    func encode(into writer: inout JSONWriter) {
        switch self {
        case .link(let resource): resource.encode(into: &writer, type: "resource_link")
        case .text(let text):
            writer.object { writer in
                writer.member("type", "text")
                writer.member("text", text)
            }
        case .image(let bytes, let mimeType): Content.encode("image", bytes, mimeType, &writer)
        case .audio(let bytes, let mimeType): Content.encode("audio", bytes, mimeType, &writer)
        case .resource(let contents):
            writer.object { writer in
                writer.member("type", "resource")
                writer.member("resource") { contents.encode(into: &$0) }
            }
        }
    }

    private static func encode(
        _ type: String, _ bytes: [UInt8], _ mimeType: String, _ writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.member("type", type)
            writer.member("data", base64(bytes))
            writer.member("mimeType", mimeType)
        }
    }
}

extension ToolResult {
    /// Writes the result object of MCP 2026-07-28.
    public func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("resultType", "complete")
            writer.member("content") { writer in
                writer.array { writer in for part in content { part.encode(into: &writer) } }
            }
            if let structured { writer.member("structuredContent", structured) }
            if isError { writer.member("isError", true) }
        }
    }
}

extension ResourceResult {
    /// Writes the result object of MCP 2026-07-28.
    public func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("resultType", "complete")
            writer.member("contents") { writer in
                writer.array { writer in for item in contents { item.encode(into: &writer) } }
            }
            writer.member("ttlMs", .integer(Int(clamping: freshFor.nanoseconds / 1_000_000)))
            writer.member("cacheScope", isPublic ? "public" : "private")
        }
    }
}

extension PromptResult {
    /// Writes the result object of MCP 2026-07-28.
    public func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("resultType", "complete")
            writer.member("description", ifPresent: description)
            writer.member("messages") { writer in
                writer.array { writer in
                    for message in messages {
                        writer.object { writer in
                            writer.member("role", message.role.rawValue)
                            writer.member("content") { message.content.encode(into: &$0) }
                        }
                    }
                }
            }
        }
    }
}

extension Completion {
    /// Writes the result object of MCP 2026-07-28.
    public func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("resultType", "complete")
            writer.member("completion") { writer in
                writer.object { writer in
                    writer.member("values", .array(values.map { .text($0) }))
                    writer.member("total", .integer(total))
                    writer.member("hasMore", .bool(total > values.count))
                }
            }
        }
    }
}
