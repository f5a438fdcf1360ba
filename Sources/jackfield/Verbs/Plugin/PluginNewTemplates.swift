// SPDX-License-Identifier: Apache-2.0
// The templates of the SDK: where they are, and what becomes of them.

import Glibc

/// A file of a project: its path in the project's folder, and what is in it.
struct ProjectFile: Equatable {
    let path: String
    let text: String
}

/// An installed SDK, `share/jackfield/sdk`.
struct SDK {
    /// Absolute, without symbolic links.
    let path: String

    /// - Parameter given: `--sdk` or its variable; nil: the one beside this program.
    static func find(_ given: String?) throws(ProjectProblem) -> SDK {
        var places: [String] = []
        if let given {
            // The folder itself, the tree that it is in, or the Swift package in it.
            places = [given, given + "/share/jackfield/sdk", given + "/.."]
        } else if let program = realPath("/proc/self/exe") {
            places = [parent(parent(program)) + "/share/jackfield/sdk"]
        }
        for place in places {
            guard let path = realPath(place), isDirectory(path + "/templates") else { continue }
            guard path.utf8.allSatisfy(isPlain) else {
                throw ProjectProblem(
                    "the SDK is in '\(path)', but Makefiles cannot name a folder with spaces or quotes; "
                        + "install Jackfield elsewhere, or give the path of a link to it with --sdk")
            }
            return SDK(path: path)
        }
        throw ProjectProblem(
            "found no SDK: there is no folder 'templates' in \(places.joined(separator: ", nor in ")); "
                + "give share/jackfield/sdk of an installed Jackfield with --sdk DIR or $JACKFIELD_SDK")
    }

    /// The files of a project, sorted by path.
    func project(_ name: ProjectName, _ kind: ProjectKind) throws(ProjectProblem) -> [ProjectFile] {
        let templates = path + "/templates"
        guard isDirectory("\(templates)/\(kind.language)/\(kind.facet)") else {
            let others = ProjectKind.languages.filter { isDirectory("\(templates)/\($0)/\(kind.facet)") }
            let names = others.map { "--lang \($0)" }.joined(separator: ", ")
            throw ProjectProblem(
                "the SDK for \(ProjectKind.title(ofLanguage: kind.language)) has nothing for \(kind.facet); "
                    + (others.isEmpty ? "\(templates) is not complete" : "there is \(names)"))
        }
        if let part = SDK.parts[kind.language], access("\(path)/\(part)", R_OK) != 0 {
            throw ProjectProblem("the SDK lacks \(path)/\(part); install Jackfield anew")
        }
        var texts: [String: String] = [:]
        // Later folders add to README.md, and would replace any other file.
        for layer in [
            "facets/\(kind.facet)", "common", "\(kind.language)/common", "\(kind.language)/\(kind.facet)",
        ] {
            for file in try listFiles("\(templates)/\(layer)") {
                let text = rendered(try readText("\(templates)/\(layer)/\(file)"), name, sdk: path)
                let path = file == "gitignore" ? ".gitignore" : file
                if path == "README.md", let before = texts[path] {
                    texts[path] = before + "\n" + text
                } else {
                    texts[path] = text
                }
            }
        }
        return texts.map { ProjectFile(path: $0.key, text: $0.value) }.sorted { $0.path < $1.path }
    }

    /// A file of the SDK that each language needs.
    private static let parts = [
        "c": "../testing/c/jf_mock.h", "cpp": "../../cmake/Jackfield/JackfieldConfig.cmake",
        "rust": "../rust/Cargo.toml", "swift": "swift/Package.swift",
    ]
}

/// A template's text with its placeholders replaced, and without its licence line: the project is its author's.
func rendered(_ template: String, _ name: ProjectName, sdk: String) -> String {
    let values = [
        "PLUGIN_ID": name.id, "PLUGIN_NAME": name.short, "PLUGIN_CRATE": name.crate,
        "PLUGIN_MODULE": name.module, "PLUGIN_SDK": sdk,
    ]
    let licence = "SPDX-License-Identifier: Apache-2.0"
    var lines = template.split(separator: "\n", omittingEmptySubsequences: false)
    if let at = lines.prefix(2).firstIndex(where: { $0.hasSuffix(licence) }) {
        let line = lines.remove(at: at)
        // The comment of C files goes on in the next line: " * What it is."
        if line.hasPrefix("/*"), at < lines.count { lines[at] = "/*" + lines[at].dropFirst(2) }
    }
    return lines.map { replaced($0, values) }.joined(separator: "\n")
}

/// Replaces the keys of `values`, none of which is the beginning of another. What was put in is not looked at.
private func replaced(_ line: Substring, _ values: [String: String]) -> String {
    var out = ""
    var rest = line
    while let first = rest.first {
        if first == "P", let (key, value) = values.first(where: { rest.hasPrefix($0.key) }) {
            out += value
            rest = rest.dropFirst(key.count)
        } else {
            out.append(first)
            rest = rest.dropFirst()
        }
    }
    return out
}

/// What Make, CMake, Cargo and shells take as it is.
private func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...0xFF: true
    default: "/._-+@,".utf8.contains(byte)
    }
}
