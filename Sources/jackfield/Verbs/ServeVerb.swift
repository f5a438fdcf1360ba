// SPDX-License-Identifier: Apache-2.0
// `jackfield serve`: its declaration.

let serveCommand: Command = Command(
    name: "serve",
    summary: "run the gateway",
    details: """
        Runs until TERM or INT, then lets calls under way end. HUP reads FILE again; a bad file changes \
        nothing. Without --config it serves a demo. FILE is YAML or JSON: a native file, or a client's \
        list of servers ({"mcpServers": …}) unchanged. When it can serve, it prints 'listening on \
        http://HOST:PORT/mcp' to standard error.
        """,
    options: [
        CommonOptions.config(required: false, "what to serve"),
        .value("listen", short: "l", "HOST:PORT", .address, "listen here instead of where FILE says"),
        .flag("stdio", "serve one client on standard input and output"),
        CommonOptions.pluginDirectories,
        CommonOptions.logLevel(fallback: nil),
        .value(
            "trace-abi", "ID", repeats: true,
            "log each call between the gateway and this plugin: slow, and shows what clients send"),
    ],
    examples: [
        Example("jackfield serve", "a demo server on http://127.0.0.1:8808/mcp"),
        Example("jackfield serve --config jackfield.yaml", "the servers of a file"),
        Example(
            "jackfield serve -c jackfield.yaml --listen 127.0.0.1:0", "on a port that the system chooses"),
        Example(
            "jackfield serve -c ~/.config/client/mcp.json --stdio", "inside a client that starts programs"),
    ]
) { arguments throws(UsageProblem) in
    var options = ServeOptions()
    options.configPath = arguments.value("config")
    options.listen = arguments.value("listen")
    options.stdio = arguments.has("stdio")
    options.pluginDirectories = arguments.all("plugin-dir")
    options.logLevel = arguments.logLevel
    options.tracedPlugins = arguments.all("trace-abi")
    if options.stdio, options.listen != nil {
        throw arguments.problem("--stdio and --listen exclude each other", hint: "give one of them")
    }
    return serve(options)
}
