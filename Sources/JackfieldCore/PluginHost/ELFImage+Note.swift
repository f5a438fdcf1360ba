// SPDX-License-Identifier: Apache-2.0
// Finding the manifest note in a plugin's file, stripped or not.

extension ELFImage {
    private static let owner: [UInt8] = Array("Jackfield".utf8) + [0]
    private static let manifestType: UInt32 = 1

    /// Looks in the note segments, which survive strip(1), then in note sections, for libraries whose linker
    /// script left them out of a segment.
    mutating func readNotes(_ header: ELFTable, _ input: ELFInput) throws(ELFFault) {
        var budget = ELFImage.noteSpaceLimit
        for segment in segments where segment.type == 4 {
            try readNotes(at: segment.offset, count: segment.fileSize, segment.alignment, input, &budget)
        }
        guard manifest == nil else { return }
        let start = try header.integer(40, as: UInt64.self)
        let width = try header.integer(58, as: UInt16.self)
        let count = Int(try header.integer(60, as: UInt16.self))
        guard start != 0, width == 64, count > 0 else { return }
        let table = try input.table("the section header table", at: start, count: UInt64(count) * 64)
        for base in stride(from: 0, to: count * 64, by: 64)
        where try table.integer(base + 4, as: UInt32.self) == 7 {
            try readNotes(
                at: try table.integer(base + 24), count: try table.integer(base + 32),
                try table.integer(base + 48), input, &budget)
        }
    }

    private mutating func readNotes(
        at offset: UInt64, count: UInt64, _ alignment: UInt64, _ input: ELFInput, _ budget: inout UInt64
    ) throws(ELFFault) {
        guard count <= budget else {
            throw ELFFault("has more than \(ELFImage.noteSpaceLimit) bytes of notes")
        }
        budget -= count
        let table = try input.table("a note", at: offset, count: count)
        // Entries are padded to 4 bytes, in segments aligned to 8 to 8 (.note.gnu.property).
        let unit = alignment == 8 ? 8 : 4
        var position = 0
        while position <= table.count - 12 {
            let nameSize = Int(try table.integer(position, as: UInt32.self))
            let textSize = Int(try table.integer(position + 4, as: UInt32.self))
            let type = try table.integer(position + 8, as: UInt32.self)
            let nameAt = position + 12
            let textAt = position + ELFImage.rounded(12 + nameSize, to: unit)
            guard textAt <= table.count, textSize <= table.count - textAt else {
                throw ELFFault("is damaged: a note reaches beyond its segment")
            }
            if type == ELFImage.manifestType, nameSize == ELFImage.owner.count,
                table.bytes[nameAt..<nameAt + nameSize].elementsEqual(ELFImage.owner)
            {
                guard manifest == nil else {
                    throw ELFFault(
                        "has more than one manifest note; JF_MANIFEST may stand in one source file only")
                }
                guard textSize <= ELFImage.manifestLimit + 1 else {
                    throw ELFFault(
                        "has a manifest of \(textSize) bytes; the limit is \(ELFImage.manifestLimit)")
                }
                let text = table.bytes[textAt..<textAt + textSize]
                manifest = Array(text[..<(text.firstIndex(of: 0) ?? text.endIndex)])
            }
            position = textAt + ELFImage.rounded(textSize, to: unit)
        }
    }

    private static func rounded(_ count: Int, to unit: Int) -> Int { (count + unit - 1) / unit * unit }
}
