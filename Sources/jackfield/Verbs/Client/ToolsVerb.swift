// SPDX-License-Identifier: Apache-2.0
// `jackfield tools`: what an endpoint offers.

import JSON
import JackfieldCore

let toolsCommand: Command = Command(
    name: "tools",
    summary: "list the tools of an MCP endpoint",
    details: "Required arguments are marked with *.",
    options: CommonOptions.client,
    examples: [
        Example("jackfield tools", "everything that a local gateway serves"),
        Example("jackfield tools --server time", "one of its servers, with its own names"),
        Example(
            "jackfield tools --url https://tickets.example/mcp -H 'Authorization: Bearer …'", "elsewhere"),
        Example("jackfield tools --json | jq -r '.tools[].name'", "for a program"),
    ]
) { arguments throws(UsageProblem) in
    let isJSON = arguments.has("json")
    return withRemote(try RemoteOptions(arguments)) { remote, _ in
        let answer = remote.ask("tools/list")
        guard !answer.isError else {
            report(remote.explain(answer))
            return 1
        }
        if isJSON {
            printJSON(answer.body)
        } else {
            let tools = (try? JSONValue(parsing: answer.body))?["tools"]?.array ?? []
            standardOutput.write(
                toolTable(tools, width: terminalWidth(1), style: Style(descriptor: standardOutput.descriptor))
            )
        }
        return 0
    }
}

/// Names, arguments, descriptions.
func toolTable(_ tools: [JSONValue], width: Int?, style: Style) -> String {
    guard !tools.isEmpty else { return "no tools\n" }
    var table = Table(["TOOL", "ARGUMENTS", "DESCRIPTION"])
    for tool in tools {
        let labels = ToolSchema(tool["inputSchema"]).arguments.map(\.label)
        let description = tool["description"]?.string ?? tool["title"]?.string ?? ""
        table.rows.append([
            tool["name"]?.string ?? "", labels.isEmpty ? "-" : labels.joined(separator: " "),
            firstLine(description),
        ])
    }
    return table.text(width: width, style: style)
}
