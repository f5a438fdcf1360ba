// SPDX-License-Identifier: Apache-2.0
// Reads YAML 1.1 through libyaml's events.

import CYaml

/// Feeds the events of one YAML document to a builder.
func readYAML(_ source: SourceText, into builder: inout TreeBuilder) throws(SyntaxFailure) {
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else { throw SyntaxFailure(.start, "out of memory") }
    defer { yaml_parser_delete(parser) }
    let result: Result<Void, SyntaxFailure> = source.bytes.withUnsafeBufferPointer { bytes in
        // libyaml wants an address even for no bytes.
        var empty: UInt8 = 0
        return withUnsafePointer(to: &empty) { nothing in
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, bytes.baseAddress ?? nothing, bytes.count)
            do throws(SyntaxFailure) {
                try readEvents(parser, source, &builder)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
    }
    try result.get()
}

private func readEvents(
    _ parser: UnsafeMutablePointer<yaml_parser_t>, _ source: SourceText, _ builder: inout TreeBuilder
) throws(SyntaxFailure) {
    var documents = 0
    while true {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure(of: parser.pointee, source) }
        defer { yaml_event_delete(&event) }
        let position = SourcePosition(event.start_mark)
        switch event.type {
        case YAML_STREAM_END_EVENT: return
        case YAML_DOCUMENT_START_EVENT:
            documents += 1
            guard documents == 1 else {
                throw SyntaxFailure(position, "a second document begins here; a file holds one")
            }
        case YAML_ALIAS_EVENT:
            try builder.alias(text(event.data.alias.anchor) ?? "", at: position)
        case YAML_SCALAR_EVENT:
            let data = event.data.scalar
            try builder.scalar(try scalar(data, at: position), at: position, anchor: text(data.anchor))
        case YAML_SEQUENCE_START_EVENT:
            let data = event.data.sequence_start
            try checkTag(text(data.tag), expected: "seq", at: position)
            try builder.begin(mapping: false, at: position, anchor: text(data.anchor))
        case YAML_MAPPING_START_EVENT:
            let data = event.data.mapping_start
            try checkTag(text(data.tag), expected: "map", at: position)
            try builder.begin(mapping: true, at: position, anchor: text(data.anchor))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: try builder.end()
        default: break
        }
    }
}

private let coreTags = "tag:yaml.org,2002:"

private func scalar(
    _ data: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar, at position: SourcePosition
) throws(SyntaxFailure) -> ConfigurationNode.Scalar {
    let value = String(decoding: UnsafeBufferPointer(start: data.value, count: data.length), as: UTF8.self)
    let style: ConfigurationNode.Style = data.style == YAML_PLAIN_SCALAR_STYLE ? .plain : .quoted
    var tag: ConfigurationNode.Tag?
    if let name = text(data.tag), name != "!" {
        tag = name.hasPrefix(coreTags) ? .init(rawValue: String(name.dropFirst(coreTags.count))) : nil
        guard tag != nil else { throw unknownTag(name, at: position) }
    } else if data.tag != nil {
        tag = .string
    }
    let scalar = ConfigurationNode.Scalar(text: value, style: style, tag: tag)
    // A tagged reference is checked once it is expanded.
    guard scalar.fitsTag || value.contains("${") else {
        throw SyntaxFailure(
            position, "\(quoted(value)) is not what its tag !!\(tag?.rawValue ?? "") promises")
    }
    return scalar
}

private func checkTag(_ name: String?, expected: String, at position: SourcePosition) throws(SyntaxFailure) {
    guard let name, name != "!", name != coreTags + expected else { return }
    throw unknownTag(name, at: position)
}

private func unknownTag(_ name: String, at position: SourcePosition) -> SyntaxFailure {
    let short = name.hasPrefix(coreTags) ? "!!" + name.dropFirst(coreTags.count) : name
    return SyntaxFailure(
        position, "the tag \(quoted(short)) means nothing here; !!str, !!int, !!float, !!bool and !!null do")
}

private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
}

/// libyaml's error as a finding.
private func failure(of parser: yaml_parser_t, _ source: SourceText) -> SyntaxFailure {
    let problem = parser.problem.map { String(cString: $0) } ?? "the file can't be read"
    if parser.error == YAML_MEMORY_ERROR { return SyntaxFailure(.start, "out of memory") }
    if parser.error == YAML_READER_ERROR {
        let value = "U+" + String(parser.problem_value, radix: 16, uppercase: true)
        return SyntaxFailure(source.position(ofByte: parser.problem_offset), "\(problem) (\(value))")
    }
    let position = SourcePosition(parser.problem_mark)
    let offset = source.byte(at: position)
    let here = offset < source.bytes.count ? source.bytes[offset] : 0
    let context = parser.context.map { " " + String(cString: $0) } ?? ""
    if here == UInt8(ascii: "\t") {
        return SyntaxFailure(position, "a tab can't indent YAML; use spaces")
    }
    if here == UInt8(ascii: "{"), offset > 0, source.bytes[offset - 1] == UInt8(ascii: "$") {
        return unquotedReference(
            source, dollar: offset - 1, SourcePosition(line: position.line, column: position.column - 1))
    }
    var message = "YAML: \(problem)\(context)"
    if parser.context != nil, parser.context_mark.line != parser.problem_mark.line {
        message += " that began on line \(parser.context_mark.line + 1)"
    }
    return SyntaxFailure(position, message)
}

/// Inside `{ … }` and `[ … ]` YAML takes the brace of an unquoted reference for its own.
private func unquotedReference(_ source: SourceText, dollar: Int, _ position: SourcePosition) -> SyntaxFailure
{
    let rest = source.bytes[dollar...].prefix(200)
    let message = "inside { } and [ ] a value that holds a reference must stand in quotes"
    guard let close = rest.firstIndex(of: UInt8(ascii: "}")), !rest[..<close].contains(0x0A) else {
        return SyntaxFailure(position, message)
    }
    return SyntaxFailure(
        position, message, suggestion: "'" + String(decoding: rest[...close], as: UTF8.self) + "'")
}

extension SourcePosition {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}
