// SPDX-License-Identifier: Apache-2.0
// All commands.

let jackfieldCommand: Command = Command(
    name: "jackfield",
    summary: "a gateway for the Model Context Protocol",
    details: """
        It serves the tools, resources and prompts of many MCP servers at one endpoint, and its client \
        commands talk to any MCP endpoint.
        """,
    options: [.flag("version", short: "V", "print the version")],
    commands: [
        serveCommand, checkCommand, lockCommand, serversCommand, toolsCommand, callCommand, readCommand,
        promptCommand, topCommand, cacheCommand, drainCommand, undrainCommand, rolloutCommand,
        explainCommand, keyCommand, configCommand, auditCommand, usageCommand, pluginCommand,
        doctorCommand, completionCommand,
        versionCommand, helpCommand,
    ],
    examples: [
        Example("jackfield serve", "a demo gateway"),
        Example("jackfield tools", "what it offers, from another terminal"),
    ]
)
