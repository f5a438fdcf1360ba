// SPDX-License-Identifier: Apache-2.0
// Options that several commands share, and how they are read.

import JackfieldCore

enum CommonOptions {
    static let json = Option.flag("json", "print JSON")
    static let pluginDirectories = Option.value(
        "plugin-dir", "DIR", .directory, repeats: true, "look for plugins here first")

    static func logLevel(fallback: String?) -> Option {
        .value(
            "log-level", "LEVEL", .choice(["trace", "debug", "info", "warning", "error"]),
            "least severe records that are logged to standard error", fallback: fallback)
    }

    /// A configuration file.
    static func config(required: Bool, _ summary: String) -> Option {
        .value("config", short: "c", "FILE", .file, required: required, summary)
    }

    static let url = Option.value(
        "url", short: "u", "URL", .url, "the MCP endpoint", fallback: "http://127.0.0.1:8808/mcp",
        variable: "JACKFIELD_URL")
    static let server = Option.value(
        "server", short: "s", "NAME", .serverName,
        "one server behind a gateway, with its own names: replaces the URL's path by /mcp/servers/NAME")
    static let era = Option.value(
        "era", "ERA", .choice(["auto", "modern", "legacy"]),
        "how to speak to it: modern is 2026-07-28, legacy has sessions, auto finds out", fallback: "auto")
    static let header = Option.value(
        "header", short: "H", "'NAME: VALUE'", .header, repeats: true, "send this header with each request")
    static let timeout = Option.value(
        "timeout", "TIME", .duration, "how long to wait for an answer", fallback: "30s")

    /// Of every command that is a client.
    static let client = [
        url, server, era, header, timeout, json, pluginDirectories, logLevel(fallback: "error"),
    ]
}

extension Arguments {
    /// The value of `--log-level`.
    var logLevel: Log.Level? {
        switch value("log-level") {
        case "trace": .trace
        case "debug": .debug
        case "info": .info
        case "warning": .warning
        case "error": .error
        default: nil
        }
    }
}
