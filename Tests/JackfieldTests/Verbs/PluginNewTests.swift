// SPDX-License-Identifier: Apache-2.0
// `plugin new`: names, placeholders, and that it writes all of a project or nothing.

import Glibc
import Testing

@testable import jackfield

private let toolset = ProjectKind(facet: "toolset", language: "c")

/// A folder of the test's own, removed at its end.
private func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/jackfield-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { removeTree(path) }
    try body(path)
}

@Suite struct ProjectNameTests {
    @Test(arguments: [
        ("titles", "titles", "titles_plugin", "TitlesPlugin"),
        ("com.example.word-tools", "word-tools", "word_tools_plugin", "WordToolsPlugin"),
        ("3d.x2", "x2", "x2_plugin", "X2Plugin"), ("a--b", "a--b", "a__b_plugin", "ABPlugin"),
    ])
    func makesNamesOfIds(id: String, short: String, crate: String, module: String) throws {
        let name = try ProjectName(id, for: toolset)
        #expect(name.id == id && name.short == short && name.crate == crate && name.module == module)
    }

    @Test(arguments: [
        "", ".", "a..b", "a.", ".a", "-a", "a-", "com.-a", "com.2d", "3d", "a/b", "ä", "a b", "A", "a_b",
        "../a",
        "a\n", "$(x)", "a'b", String(repeating: "a", count: 65), String(repeating: "a.", count: 64) + "b",
    ])
    func refusesOtherNames(id: String) {
        #expect(throws: ProjectProblem.self) { try ProjectName(id, for: toolset) }
    }

    @Test func repairsWhatIsNearlyAName() {
        #expect {
            _ = try ProjectName("Word_Tools", for: toolset)
        } throws: {
            ($0 as? ProjectProblem)?.hint == "did you mean 'word-tools'?"
        }
    }

    @Test(arguments: [("routing", "round-robin"), ("listener", "acme.http"), ("connector", "wss")])
    func refusesWhatConfigurationsKnowAlready(facet: String, id: String) {
        #expect(throws: ProjectProblem.self) {
            try ProjectName(id, for: ProjectKind(facet: facet, language: "c"))
        }
        #expect(throws: Never.self) { try ProjectName(id, for: toolset) }
    }
}

@Suite struct TemplateTests {
    let name: ProjectName

    init() throws { name = try ProjectName("com.example.word-tools", for: toolset) }

    @Test(arguments: [
        ("PLUGIN_ID: PLUGIN_NAME.so\n", "com.example.word-tools: word-tools.so\n"),
        ("libPLUGIN_NAME.so PLUGIN_NAME__slugify PLUGIN_", "libword-tools.so word-tools__slugify PLUGIN_"),
        ("use PLUGIN_CRATE::x; import PLUGIN_MODULE", "use word_tools_plugin::x; import WordToolsPlugin"),
        ("-IPLUGIN_SDK/../x", "-I/PLUGIN_ID/../x"), ("", ""), ("ä {PLUGIN_ID}", "ä {com.example.word-tools}"),
    ])
    func replacesPlaceholders(template: String, text: String) {
        #expect(rendered(template, name, sdk: "/PLUGIN_ID") == text)
    }

    @Test(arguments: [
        ("// SPDX-License-Identifier: Apache-2.0\n// What.\n", "// What.\n"),
        ("# SPDX-License-Identifier: Apache-2.0\n# What.\n", "# What.\n"),
        ("/* SPDX-License-Identifier: Apache-2.0\n * What. */\nint x;\n", "/* What. */\nint x;\n"),
        (
            "// swift-tools-version: 6.2\n// SPDX-License-Identifier: Apache-2.0\n// What.\n",
            "// swift-tools-version: 6.2\n// What.\n"
        ),
    ])
    func leavesTheLicenceOut(template: String, text: String) {
        #expect(rendered(template, name, sdk: "/sdk") == text)
    }

    @Test func putsLayersTogether() throws {
        try withFolder { folder in
            let sdk = folder + "/share/jackfield/sdk"
            let files = [
                ("templates/facets/toolset/README.md", "# PLUGIN_NAME\n"),
                ("templates/common/README.md", "more\n"),
                ("templates/c/common/gitignore", "/build/\n"), ("templates/c/common/README.md", "files\n"),
                ("templates/c/toolset/src/a.c", "PLUGIN_ID\n"), ("../testing/c/jf_mock.h", ""),
            ]
            for (path, text) in files { try write(text, to: "\(sdk)/\(path)") }
            let found = try SDK.find(folder)
            #expect(found.path == realPath(sdk))
            let project = try found.project(name, toolset)
            #expect(
                project == [
                    ProjectFile(path: ".gitignore", text: "/build/\n"),
                    ProjectFile(path: "README.md", text: "# word-tools\n\nmore\n\nfiles\n"),
                    ProjectFile(path: "src/a.c", text: "com.example.word-tools\n"),
                ])
            #expect {
                _ = try found.project(name, ProjectKind(facet: "toolset", language: "swift"))
            } throws: {
                ($0 as? ProjectProblem)?.message
                    == "the SDK for Swift has nothing for toolset; there is --lang c"
            }
        }
    }

    @Test func saysWhereItLooked() throws {
        try withFolder { folder in
            #expect {
                _ = try SDK.find(folder)
            } throws: {
                let message = ($0 as? ProjectProblem)?.message ?? ""
                return message.contains("'templates' in \(folder), nor in \(folder)/share/jackfield/sdk")
                    && message.contains("$JACKFIELD_SDK")
            }
            try write("", to: folder + "/with space/templates/x")
            #expect(throws: ProjectProblem.self) { try SDK.find(folder + "/with space") }
        }
    }
}

@Suite struct ProjectWritingTests {
    let files = [ProjectFile(path: "README.md", text: "#\n"), ProjectFile(path: "src/deep/a.c", text: "x\n")]

    @Test func writesANewFolder() throws {
        try withFolder { folder in
            try writeProject(files, to: folder + "/new/")
            #expect(try listFiles(folder) == ["new/README.md", "new/src/deep/a.c"])
            #expect(try readText(folder + "/new/src/deep/a.c") == "x\n")
        }
    }

    @Test func writesIntoAnEmptyFolder() throws {
        try withFolder { folder in
            mkdir(folder + "/new", 0o755)
            try writeProject(files, to: folder + "/new")
            #expect(try listFiles(folder) == ["new/README.md", "new/src/deep/a.c"])
        }
    }

    @Test func refusesWhatIsThere() throws {
        try withFolder { folder in
            try write("mine", to: folder + "/new/mine")
            try write("", to: folder + "/file")
            for place in ["/new", "/file", "/no/such/folder", "/file/x"] {
                #expect(throws: ProjectProblem.self, "\(place)") {
                    try writeProject(files, to: folder + place)
                }
            }
            #expect(try listFiles(folder) == ["file", "new/mine"])
        }
    }

    @Test func leavesNothingBehindWhenItFails() throws {
        try withFolder { folder in
            // A file where the second one needs a folder.
            let impossible = [ProjectFile(path: "a", text: ""), ProjectFile(path: "a/b", text: "")]
            #expect(throws: ProjectProblem.self) { try writeProject(impossible, to: folder + "/new") }
            let left = try listFiles(folder)
            #expect(left.isEmpty)
            #expect(access(folder + "/new", F_OK) != 0)
            mkdir(folder + "/empty", 0o755)
            #expect(throws: ProjectProblem.self) { try writeProject(impossible, to: folder + "/empty") }
            let others = try listFiles(folder)
            #expect(others.isEmpty)
            #expect(isDirectory(folder + "/empty"))
        }
    }
}

/// Writes a file and the folders that it needs.
private func write(_ text: String, to path: String) throws {
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
        folder += "/\(part)"
        mkdir(folder, 0o755)
    }
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
    try #require(descriptor >= 0)
    Stream(descriptor).write(text)
    close(descriptor)
}
