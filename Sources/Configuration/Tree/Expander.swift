// SPDX-License-Identifier: Apache-2.0
// Replaces references by what they stand for, and marks the results as secrets.

/// Replaces the references of a tree. One per file; confined to the thread that reads the file.
final class Expander {
    private let source: SourceText
    private let syntax: ReferenceSyntax
    private let environment: ConfigurationEnvironment
    private let folder: String
    private let sink: ProblemSink
    /// Contents of files, by path: one that is named often is read once.
    private var files: [String: Result<String, ConfigurationEnvironment.FileFailure>] = [:]
    private var expandedBytes = 0
    /// What is missing matters less while this is set: the entry is switched off.
    private var isLenient = false

    init(
        source: SourceText, syntax: ReferenceSyntax, environment: ConfigurationEnvironment, folder: String,
        sink: ProblemSink
    ) {
        self.source = source
        self.syntax = syntax
        self.environment = environment
        self.folder = folder
        self.sink = sink
    }

    /// The tree with its references expanded. `lenient`: what can't be expanded stays as written, with a
    /// warning.
    func expand(_ node: ConfigurationNode, lenient: Bool = false) -> ConfigurationNode {
        let before = isLenient
        isLenient = lenient
        defer { isLenient = before }
        return expanded(node)
    }

    private func expanded(_ node: ConfigurationNode) -> ConfigurationNode {
        switch node.content {
        case .scalar(var scalar):
            guard scalar.text.contains("${"), expand(&scalar, at: node.position) else { return node }
            return ConfigurationNode(.scalar(scalar), at: node.position)
        case .sequence(let items):
            return ConfigurationNode(.sequence(items.map(expanded)), at: node.position)
        case .mapping(let entries):
            let all = entries.map { entry in
                ConfigurationNode.Entry(
                    key: entry.key, keyPosition: entry.keyPosition, value: expanded(entry.value))
            }
            return ConfigurationNode(.mapping(all), at: node.position)
        }
    }

    /// False: the scalar stays as it is, for want of a value that the findings name.
    private func expand(_ scalar: inout ConfigurationNode.Scalar, at position: SourcePosition) -> Bool {
        var text = ""
        var isComplete = true
        var hasReference = false
        for part in referenceParts(of: scalar.text) {
            switch part {
            case .literal(let literal): text += literal
            case .unterminated(let number):
                report(number, position, "\"${\" has no closing brace; write $${ for a literal \"${\"")
                isComplete = false
            case .reference(let body, let number):
                hasReference = true
                if let value = value(of: body, number, position) { text += value } else { isComplete = false }
            }
        }
        guard isComplete else { return false }
        if hasReference { scalar.reference = scalar.text }
        scalar.text = text
        expandedBytes += text.utf8.count
        if expandedBytes > FileLimits.expanded {
            sink.error(position, "references stand for more than \(byteSizeText(FileLimits.expanded)) in all")
            return false
        }
        if hasReference, !scalar.fitsTag {
            sink.error(position, "what \(quoted(scalar.shown)) stands for is not what its tag promises")
        }
        return true
    }

    private func value(of body: String, _ number: Int, _ position: SourcePosition) -> String? {
        if syntax == .client, let value = editorVariable(body) { return value }
        switch referenceTarget(body, syntax: syntax) {
        case .variable(let name, let defaultValue):
            if let defaultValue, defaultValue.contains("${") {
                report(number, position, "a default can't hold another reference")
                return nil
            }
            let value = environment.variable(name)
            // As in a shell, `:-` also stands in for an empty value.
            if let defaultValue, value?.isEmpty ?? true { return defaultValue }
            if value == nil {
                let remedy = "set it, or write ${env:\(name):-default}"
                report(number, position, "the environment variable \(name) is not set; \(remedy)")
            }
            return value
        case .file(let path):
            switch content(of: path) {
            case .success(let text): return text
            case .failure(let failure):
                report(number, position, "can't read \(quoted(path)): \(failure.reason)")
                return nil
            }
        case .input(let name):
            let variable = variableName(like: name)
            report(
                number, position,
                "\(quoted("${input:\(name)}")) asks the user of an editor, and a gateway has none; set the "
                    + "environment variable \(variable) and write ${env:\(variable)}",
                suggestion: "${env:\(variable)}")
            return nil
        case .other(let body):
            reportUnknown(body, number, position)
            return nil
        }
    }

    private func content(of path: String) -> Result<String, ConfigurationEnvironment.FileFailure> {
        let path = resolve(path, in: folder)
        if let known = files[path] { return known }
        let result = environment.file(path).flatMap { bytes in
            guard var text = String(validating: bytes, as: UTF8.self) else {
                return Result<String, ConfigurationEnvironment.FileFailure>.failure(
                    .init("it is not UTF-8 text"))
            }
            // Editors end files with a newline that is no part of a secret.
            if text.utf8.last == 0x0A { text = String(decoding: text.utf8.dropLast(), as: UTF8.self) }
            if text.utf8.last == 0x0D { text = String(decoding: text.utf8.dropLast(), as: UTF8.self) }
            return .success(text)
        }
        files[path] = result
        return result
    }

    /// The variables that editors define. The folder of the workspace is that of the file, or the one above
    /// it where the file lies in an editor's own folder (`.vscode/mcp.json`).
    private func editorVariable(_ body: String) -> String? {
        let last = folder.split(separator: "/").last.map(String.init) ?? ""
        let workspace = last.hasPrefix(".") && last != "." && last != ".." ? parentFolder(of: folder) : folder
        switch body {
        case "/", "pathSeparator": return "/"
        case "userHome": return environment.variable("HOME")
        case "workspaceFolder", "workspaceRoot": return workspace
        case "workspaceFolderBasename": return workspace.split(separator: "/").last.map(String.init)
        default: return nil
        }
    }

    private func reportUnknown(_ body: String, _ number: Int, _ position: SourcePosition) {
        let kind = body.prefix { $0 != ":" }
        var suggestion: String?
        if kind == body[...] || body.dropFirst(kind.count).hasPrefix(":-"), isVariableName(kind) {
            suggestion = "${env:\(body)}"
        } else if let near = nearest(to: String(kind), in: ["env", "file"]) {
            suggestion = "${\(near)\(body.dropFirst(kind.count))}"
        }
        let message =
            "\(quoted("${\(body)}")) is no reference; ${env:NAME}, ${env:NAME:-default} and ${file:PATH} are"
        report(number, position, message + " (write $${ for a literal \"${\")", suggestion: suggestion)
    }

    private func report(
        _ number: Int, _ position: SourcePosition, _ message: String, suggestion: String? = nil
    ) {
        if sink.isFull { return isLenient ? sink.warning(position, message) : sink.error(position, message) }
        let place = source.position(ofReference: number, after: position)
        if isLenient {
            sink.warning(place, message, suggestion: suggestion)
        } else {
            sink.error(place, message, suggestion: suggestion)
        }
    }
}
