// SPDX-License-Identifier: Apache-2.0
// The dynamic section of a plugin's file: libraries, search path, flags and exported symbols.

/// Where the dynamic section says that its tables lie; 0 stands for absent.
private struct DynamicTables {
    var strings: UInt64 = 0
    var stringsSize: UInt64 = 0
    var symbols: UInt64 = 0
    var hash: UInt64 = 0
    var gnuHash: UInt64 = 0
}

extension ELFImage {
    private static let entryLimit: UInt64 = 4096
    private static let nameLimit = 4096
    private static let symbolNameLimit = 200

    /// Turns an address of the loaded image into an offset of the file.
    private func fileOffset(_ address: UInt64) -> UInt64? {
        for segment in segments where segment.type == 1 && address >= segment.address {
            let distance = address - segment.address
            if distance < segment.fileSize { return segment.offset + distance }
        }
        return nil
    }

    private func fileOffset(_ address: UInt64, of what: String) throws(ELFFault) -> UInt64 {
        guard let offset = fileOffset(address) else {
            throw ELFFault("is damaged: \(what) is outside every segment")
        }
        return offset
    }

    mutating func readDynamicSection(_ input: ELFInput, _ readingSymbols: Bool) throws(ELFFault) {
        guard let segment = segments.first(where: { $0.type == 2 }) else {
            throw ELFFault("has no dynamic section; a plugin is a shared library (-shared)")
        }
        let count = min(segment.fileSize / 16, ELFImage.entryLimit)
        let table = try input.table("the dynamic section", at: segment.offset, count: count * 16)
        var tables = DynamicTables()
        var neededNames: [UInt64] = []
        var (sonameAt, runPathAt, rPathAt): (UInt64?, UInt64?, UInt64?)
        entries: for index in 0..<Int(count) {
            let tag = try table.integer(index * 16, as: UInt64.self)
            let value = try table.integer(index * 16 + 8, as: UInt64.self)
            switch tag {
            case 0: break entries
            case 1: neededNames.append(value)
            case 4: tables.hash = value
            case 5: tables.strings = value
            case 6: tables.symbols = value
            case 10: tables.stringsSize = value
            case 12: constructorCount += 1
            case 14: sonameAt = value
            case 15: rPathAt = value
            case 22: hasTextRelocations = true
            case 24: bindsNow = true
            case 27: constructorCount += Int(min(value / 8, 1 << 20))
            case 29: runPathAt = value
            case 30: readFlags(value)
            case 0x6fff_fef5: tables.gnuHash = value
            case 0x6fff_fffb: readFlags1(value)
            default: break
            }
        }
        let stringsOffset = try fileOffset(tables.strings, of: "the dynamic string table")
        let strings = try input.table(
            "the dynamic string table", at: stringsOffset, count: tables.stringsSize)
        for name in neededNames { needed.append(try ELFImage.name(name, in: strings)) }
        if let sonameAt { soname = try ELFImage.name(sonameAt, in: strings) }
        if let path = runPathAt ?? rPathAt {
            usesObsoleteRPath = runPathAt == nil
            runPath = try ELFImage.name(path, in: strings)
                .split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        if tables.symbols != 0, readingSymbols { try readExports(tables, strings, input) }
    }

    private mutating func readFlags(_ value: UInt64) {
        if value & 0x4 != 0 { hasTextRelocations = true }
        if value & 0x8 != 0 { bindsNow = true }
        if value & 0x10 != 0 { hasStaticTLS = true }
    }

    private mutating func readFlags1(_ value: UInt64) {
        if value & 0x1 != 0 { bindsNow = true }
        if value & 0x0800_0040 != 0 { isNotOpenable = true }
    }

    private static func name(_ offset: UInt64, in strings: ELFTable) throws(ELFFault) -> String {
        guard let position = Int(exactly: offset), let text = strings.text(at: position, limit: nameLimit)
        else {
            throw ELFFault("is damaged: a name of its dynamic section is missing or not UTF-8")
        }
        return text
    }

    /// Mangled names can be very long; only their beginning matters here.
    private static func symbolName(_ offset: UInt32, in strings: ELFTable) throws(ELFFault) -> String {
        guard let text = strings.clippedText(at: Int(offset), limit: symbolNameLimit) else {
            throw ELFFault("is damaged: the name of a symbol lies outside its string table")
        }
        return text
    }

    private mutating func readExports(
        _ tables: DynamicTables, _ strings: ELFTable, _ input: ELFInput
    ) throws(ELFFault) {
        let count = try symbolCount(tables, input)
        let start = try fileOffset(tables.symbols, of: "the dynamic symbol table")
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 24)
        let symbols = try input.table("the dynamic symbol table", at: start, count: overflow ? .max : bytes)
        for index in 0..<Int(count) {
            let base = index * 24
            let info = try symbols.integer(base + 4, as: UInt8.self)
            let other = try symbols.integer(base + 5, as: UInt8.self)
            let section = try symbols.integer(base + 6, as: UInt16.self)
            let (binding, type, visibility) = (info >> 4, info & 0xf, other & 3)
            // Defined (not SHN_UNDEF or SHN_ABS), global, weak or unique, and visible to others.
            guard section != 0, section != 0xfff1, binding == 1 || binding == 2 || binding == 10,
                visibility == 0 || visibility == 3
            else { continue }
            guard exports.count < ELFImage.exportLimit else {
                throw ELFFault("exports more than \(ELFImage.exportLimit) symbols: hide all but jf_entry_1")
            }
            let name = try ELFImage.symbolName(try symbols.integer(base), in: strings)
            exports.append(
                Export(name: name, isFunction: type == 2 || type == 10, isUnique: binding == 10))
        }
    }

    /// The dynamic section does not say how many symbols there are; its hash tables do.
    private func symbolCount(_ tables: DynamicTables, _ input: ELFInput) throws(ELFFault) -> UInt64 {
        if tables.hash != 0 {
            let offset = try fileOffset(tables.hash, of: "the symbol hash table")
            return UInt64(
                try input.table("the symbol hash table", at: offset, count: 8).integer(4, as: UInt32.self))
        }
        guard tables.gnuHash != 0 else {
            throw ELFFault("has no symbol hash table, so nothing in it can be found")
        }
        let what = "the GNU symbol hash table"
        let offset = try fileOffset(tables.gnuHash, of: what)
        let head = try input.table(what, at: offset, count: 16)
        let bucketCount = UInt64(try head.integer(0, as: UInt32.self))
        let firstHashed = UInt64(try head.integer(4, as: UInt32.self))
        let bloomWords = UInt64(try head.integer(8, as: UInt32.self))
        let bucketsAt = offset + 16 + bloomWords * 8
        let buckets = try input.table(what, at: bucketsAt, count: bucketCount * 4)
        var last: UInt64 = 0
        for index in 0..<Int(bucketCount) {
            last = max(last, UInt64(try buckets.integer(index * 4, as: UInt32.self)))
        }
        guard last >= firstHashed, last > 0 else { return firstHashed }
        // The chain of the highest bucket ends with the last symbol: its lowest bit is set.
        let chainAt = bucketsAt + bucketCount * 4
        let chunk: UInt64 = 1024
        while true {
            let position = chainAt + (last - firstHashed) * 4
            guard position < input.size else { throw ELFFault("is damaged: \(what) has no end") }
            let words = min(chunk, (input.size - position) / 4)
            guard words > 0 else { throw ELFFault("is damaged: \(what) has no end") }
            let chain = try input.table(what, at: position, count: words * 4)
            for index in 0..<Int(words) {
                last += 1
                if try chain.integer(index * 4, as: UInt32.self) & 1 == 1 { return last }
            }
        }
    }
}
