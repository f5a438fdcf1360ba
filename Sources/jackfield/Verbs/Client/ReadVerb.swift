// SPDX-License-Identifier: Apache-2.0
// `jackfield read`: the content of a resource.

import JSON
import JackfieldCore

let readCommand: Command = Command(
    name: "read",
    summary: "print a resource",
    details: """
        Text is printed as it is. Binary content is written as bytes when standard output is a file or \
        pipe, and described on a terminal.
        """,
    options: CommonOptions.client,
    positionals: [Positional(name: "URI", summary: "the resource's URI")],
    examples: [
        Example("jackfield read file:///etc/motd", "a text"),
        Example("jackfield read test://picture > picture.png", "bytes into a file"),
    ]
) { arguments throws(UsageProblem) in
    let uri = arguments.positionals[0]
    let isJSON = arguments.has("json")
    return withRemote(try RemoteOptions(arguments)) { remote, _ in
        let answer = remote.ask("resources/read", ["uri": .string(uri)])
        guard !answer.isError, let result = try? JSONValue(parsing: answer.body) else {
            if isJSON { printJSON(answer.body) }
            report("cannot read \(uri): \(remote.explain(answer))")
            return 1
        }
        if isJSON {
            printJSON(answer.body)
            return 0
        }
        let contents = result["contents"]?.array ?? []
        for content in contents {
            if let text = content["text"]?.string {
                standardOutput.write(standardOutput.isTerminal || contents.count > 1 ? shown(text) : text)
            } else if !standardOutput.isTerminal, let bytes = content["blob"]?.string.flatMap(base64Bytes) {
                standardOutput.write(bytes)
            } else {
                standardOutput.write(shown(blobText(content)))
            }
        }
        return 0
    }
}
