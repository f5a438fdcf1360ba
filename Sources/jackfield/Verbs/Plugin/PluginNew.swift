// SPDX-License-Identifier: Apache-2.0
// `jackfield plugin new`: a plugin's project, made from the templates of the SDK.

import Glibc

let pluginNewCommand: Command = Command(
    name: "new",
    summary: "make the project of a new plugin: it builds, has tests, and can be served at once",
    details: """
        NAME becomes the plugin's id: lower-case letters, digits, '-' and '.', the last part beginning with a \
        letter. One of your own domain, reversed, belongs to nobody else: com.example.titles. The last part names \
        the folder and the library.

        The project has the source, the manifest with the schema of its settings, tests on a mock of the \
        gateway, a Makefile (make, make test, make check), gateway.yaml to serve it with, and README.md. It needs \
        the installed SDK, not the gateway's sources. What is generated is yours, under any licence.
        """,
    options: [
        .value(
            "facet", short: "f", "FACET", .choice(ProjectKind.facets), required: true,
            "what the plugin does; seal is a service that it offers"),
        .value(
            "lang", short: "l", "LANG", .choice(ProjectKind.languages), required: true,
            "the language to write it in; seal is not there in Swift"),
        .value("dir", short: "d", "DIR", .directory, "the new folder, or an empty one; default: ./NAME"),
        .value(
            "sdk", "DIR", .directory,
            "share/jackfield/sdk of an installed Jackfield; default: the one beside this program",
            variable: "JACKFIELD_SDK"),
    ],
    positionals: [Positional(name: "NAME", summary: "the id of the plugin")],
    examples: [
        Example("jackfield plugin new titles --facet toolset --lang c", "an MCP server in process, in C"),
        Example(
            "jackfield plugin new com.example.failover --facet routing --lang rust --dir ~/src/failover",
            "a routing strategy in Rust"),
        Example("jackfield plugin new com.example.office --facet policy --lang cpp", "a policy in C++"),
        Example("cd titles && make && make test && make check", "build, test and check what was made"),
    ]
) { arguments throws(UsageProblem) in
    let kind = ProjectKind(
        facet: arguments.value("facet") ?? "", language: arguments.value("lang") ?? "")
    let name = try projectName(arguments, kind)
    let folder = arguments.value("dir") ?? name.short
    do throws(ProjectProblem) {
        let sdk = try SDK.find(arguments.value("sdk"))
        let files = try sdk.project(name, kind)
        try writeProject(files, to: folder)
        standardOutput.write(nextSteps(name, kind, folder, count: files.count))
        return 0
    } catch {
        report(error.message)
        return 1
    }
}

private func projectName(_ arguments: Arguments, _ kind: ProjectKind) throws(UsageProblem) -> ProjectName {
    do throws(ProjectProblem) {
        return try ProjectName(arguments.positionals[0], for: kind)
    } catch {
        throw arguments.problem("NAME: \(error.message)", hint: error.hint)
    }
}

/// What a project cannot be made of.
struct ProjectProblem: Error, Equatable {
    let message: String
    /// What to do, where the message does not say so.
    var hint: String?

    init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// What to type next, as the project's README says it as well.
func nextSteps(_ name: ProjectName, _ kind: ProjectKind, _ folder: String, count: Int) -> String {
    let steps = [
        ("cd \(shellWord(folder))", ""),
        ("make", "builds \(name.short).so"),
        ("make test", "runs its tests, on a mock of the gateway"),
        ("make check", "jackfield plugin check: the rules of the plugin ABI"),
        ("jackfield serve --config gateway.yaml", "a gateway with it"),
    ]
    let width = steps.map(\.0.count).max() ?? 0
    var out = "made \(printable(folder)): \(kind.title), \(count) files. Next:\n\n"
    for (line, text) in steps {
        let gap = String(repeating: " ", count: width - line.count + 3)
        out += text.isEmpty ? "  \(line)\n" : "  \(line)\(gap)# \(text)\n"
    }
    return out + "\nREADME.md says more.\n"
}

/// A word of a command line; quoted where a shell would read it otherwise.
private func shellWord(_ text: String) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@,=")
    if !text.isEmpty, text.allSatisfy(plain.contains) { return text }
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
