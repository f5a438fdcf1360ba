// SPDX-License-Identifier: Apache-2.0
// Reads a file's bytes as whichever of YAML and JSON they are.

/// The two notations of a configuration file.
enum Notation { case yaml, json }

/// A file that was read but not yet interpreted.
struct Document {
    let root: ConfigurationNode
    let notation: Notation
    let source: SourceText
}

/// Reads a file's bytes. Nil when they can't be read at all; `sink` then says why.
func readDocument(_ bytes: [UInt8], into sink: ProblemSink) -> Document? {
    do throws(SyntaxFailure) {
        let source = try SourceText(bytes)
        let named = sink.file.hasSuffix(".json") || sink.file.hasSuffix(".jsonc")
        guard named || beginsLikeJSON(source.bytes) else {
            return try document(source, .yaml, sink)
        }
        do throws(SyntaxFailure) {
            return try document(source, .json, sink)
        } catch {
            if named { throw error }
            // `{ version: 1 }` begins like JSON but is YAML.
            do throws(SyntaxFailure) {
                return try document(source, .yaml, sink)
            } catch let second {
                throw beginsWithQuotedKey(source.bytes) ? error : second
            }
        }
    } catch {
        sink.error(error.position, error.message, suggestion: error.suggestion)
        return nil
    }
}

private func document(
    _ source: SourceText, _ notation: Notation, _ sink: ProblemSink
) throws(SyntaxFailure) -> Document {
    var builder = TreeBuilder(sink: sink, merges: notation == .yaml)
    switch notation {
    case .yaml: try readYAML(source, into: &builder)
    case .json: try readJSON(source, into: &builder)
    }
    guard let root = builder.root else {
        throw SyntaxFailure(.start, "the file is empty; the least it can hold is \"version: 1\"")
    }
    return Document(root: root, notation: notation, source: source)
}

/// Whether the first thing in the file, after blanks and `//` or `/*` comments, is a brace.
private func beginsLikeJSON(_ bytes: [UInt8]) -> Bool {
    guard let first = bytes.first(where: { !isBlank($0) }) else { return false }
    return first == UInt8(ascii: "{") || first == UInt8(ascii: "/")
}

/// Whether the file begins with `{"` or a comment of JSON: its errors are then told in terms of JSON.
private func beginsWithQuotedKey(_ bytes: [UInt8]) -> Bool {
    let two = bytes.lazy.filter { !isBlank($0) }.prefix(2)
    return two.elementsEqual([UInt8(ascii: "{"), UInt8(ascii: "\"")]) || two.first == UInt8(ascii: "/")
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

extension ConfigurationNode {
    /// Reads YAML or JSON into a tree, with references left as they are. Nil when the text can't be read.
    public static func read(
        _ bytes: [UInt8], file: String
    ) -> (node: ConfigurationNode?, problems: [ConfigurationProblem]) {
        let sink = ProblemSink(file: file)
        let document = readDocument(bytes, into: sink)
        return (document?.root, sink.problems)
    }
}
