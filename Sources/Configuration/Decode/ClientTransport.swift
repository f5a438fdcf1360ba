// SPDX-License-Identifier: Apache-2.0
// What `type` says in an entry of a client's file, and what becomes of it.

/// What an entry's `type` means.
enum ClientTransport {
    case stdio, http
    /// HTTP+SSE of 2024-11-05.
    case sse
    case webSocket

    /// How clients spell it.
    static let spellings: [String: ClientTransport] = [
        "stdio": .stdio, "local": .stdio,
        "http": .http, "streamable-http": .http, "streamableHttp": .http, "streamable_http": .http,
        "remote": .http,
        "sse": .sse,
        "ws": .webSocket, "websocket": .webSocket,
    ]

    /// The connector's option that `"type": "sse"` becomes.
    static let sseOption = "sse"
}

/// What an entry says of its transport, and where.
struct StatedTransport {
    let transport: ClientTransport
    let node: ConfigurationNode
    let key: String
    let keyPosition: SourcePosition

    /// Nil where the entry says nothing, or something unknown: a warning then.
    init?(_ section: inout Section) {
        guard let entry = section.takeEntry("type") ?? section.takeEntry("transport") else { return nil }
        node = entry.value
        key = entry.key
        keyPosition = entry.keyPosition
        guard let known = node.scalar.flatMap({ ClientTransport.spellings[$0.text] }) else {
            let near = node.scalar.flatMap {
                $0.isSecret ? nil : nearest(to: $0.text, in: ClientTransport.spellings.keys.sorted())
            }
            section.sink.warning(
                node.position, "\(section.label(key)): \(found(node)) is unknown and ignored",
                suggestion: near)
            return nil
        }
        transport = known
    }

    /// The options of a server with a URL. Its scheme chooses the connector; what `type` can add is that an
    /// `http` URL means HTTP+SSE.
    func apply(to remote: [ConfigurationNode.Entry], _ section: Section) -> [ConfigurationNode.Entry] {
        let url = remote.first { $0.key == "url" }?.value.scalar?.text.lowercased() ?? ""
        let isWebSocket = url.hasPrefix("ws://") || url.hasPrefix("wss://")
        let isHTTP = url.hasPrefix("http://") || url.hasPrefix("https://")
        // Any other scheme is some plugin's, or a finding of its own.
        guard isWebSocket || isHTTP else { return remote }
        let fits =
            switch transport {
            case .stdio: false
            case .http, .sse: isHTTP
            case .webSocket: isWebSocket
            }
        guard fits else {
            section.sink.warning(
                node.position, "\(section.label(key)): \(found(node)) does not fit the URL and is ignored")
            return remote
        }
        guard transport == .sse else { return remote }
        let value = ConfigurationNode(.scalar(.init(text: "true", style: .plain)), at: node.position)
        return remote + [.init(key: ClientTransport.sseOption, keyPosition: keyPosition, value: value)]
    }
}
