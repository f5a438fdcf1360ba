// SPDX-License-Identifier: Apache-2.0
// An MCP endpoint's URL, taken apart as far as the command line needs it.

/// `scheme://authority/path?query`.
struct Endpoint: Sendable, Equatable {
    /// `http` or `https`.
    let scheme: String
    /// `host`, `host:port` or `[address]:port`, without user information.
    let authority: String
    /// Begins with `/`; may be just that.
    let path: String
    /// With its `?`; empty without one.
    let query: String

    /// Nil: not an absolute http or https URL.
    init?(_ text: String) {
        guard let mark = text.firstIndex(of: ":"), text[mark...].hasPrefix("://") else { return nil }
        let scheme = text[..<mark].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = text[text.index(mark, offsetBy: 3)...]
        guard rest.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        let authority = rest.prefix { !"/?#".contains($0) }
        guard !authority.isEmpty, !authority.contains("@"), authority.first != ":" else { return nil }
        let behind = rest[authority.endIndex...].prefix { $0 != "#" }
        let path = behind.prefix { $0 != "?" }
        self.scheme = scheme
        self.authority = String(authority)
        self.path = path.isEmpty ? "/" : String(path)
        query = String(behind[path.endIndex...])
        guard portText == nil || port != nil else { return nil }
    }

    private init(scheme: String, authority: String, path: String) {
        self.scheme = scheme
        self.authority = authority
        self.path = path
        query = ""
    }

    var text: String { "\(scheme)://\(authority)\(path)\(query)" }

    /// The host's name or address, without brackets.
    var host: String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        return String(authority.prefix { $0 != ":" })
    }

    private var portText: Substring? {
        let behind = authority[(authority.lastIndex(of: "]") ?? authority.startIndex)...]
        return behind.lastIndex(of: ":").map { behind[behind.index(after: $0)...] }
    }

    /// The port to connect to: the URL's, else the scheme's.
    var port: UInt16? {
        guard let portText else { return scheme == "https" ? 443 : 80 }
        return UInt16(portText)
    }

    /// Another path of the same host.
    func at(_ path: String) -> Endpoint { Endpoint(scheme: scheme, authority: authority, path: path) }

    /// Where a gateway serves one of its servers alone.
    func server(_ name: String) -> Endpoint { at("/mcp/servers/\(name)") }
}
