// SPDX-License-Identifier: Apache-2.0
// What a plugin's file says about itself: headers, dynamic section, exports and the manifest note.

import CLinux

/// A shared library as read from its file, without loading it (System V ABI, chapters 4 and 5; gABI note
/// format). All of it is untrusted: sizes and offsets are checked, counts are bounded by the file's size.
public struct ELFImage: Sendable {
    /// A program header.
    public struct Segment: Sendable, Equatable {
        public let type: UInt32
        public let flags: UInt32
        public let offset: UInt64
        public let address: UInt64
        public let fileSize: UInt64
        public let memorySize: UInt64
        public let alignment: UInt64

        public var isWritable: Bool { flags & 2 != 0 }
        public var isExecutable: Bool { flags & 1 != 0 }
    }

    /// A dynamic symbol that the library defines for others.
    public struct Export: Sendable, Hashable {
        public let name: String
        public let isFunction: Bool
        /// STB_GNU_UNIQUE: shared by the whole process in spite of RTLD_LOCAL (C++ inline statics).
        public let isUnique: Bool
    }

    /// What the stack segment asks for.
    public enum Stack: Sendable { case plain, executable, unsaid }

    /// "x86-64" or "aarch64".
    public internal(set) var machine = ELFImage.hostMachineName
    /// Bytes of the file.
    public internal(set) var size: UInt64 = 0
    public internal(set) var segments: [Segment] = []
    public internal(set) var soname: String?
    /// DT_NEEDED, in order.
    public internal(set) var needed: [String] = []
    /// DT_RUNPATH, or DT_RPATH where that is all there is, split at colons.
    public internal(set) var runPath: [String] = []
    public internal(set) var usesObsoleteRPath = false
    public internal(set) var exports: [Export] = []
    public internal(set) var stack = Stack.unsaid
    public internal(set) var hasTextRelocations = false
    public internal(set) var hasStaticTLS = false
    public internal(set) var bindsNow = false
    public internal(set) var hasReadOnlyRelocations = false
    /// DF_1_NOOPEN or DF_1_PIE: dlopen will refuse it.
    public internal(set) var isNotOpenable = false
    /// Functions that run inside dlopen, before any check (the C start-up code's own included).
    public internal(set) var constructorCount = 0
    /// The manifest note's text, nil when there is none.
    public internal(set) var manifest: [UInt8]?

    /// Largest manifest that is read.
    public static let manifestLimit = 64 * 1024
    /// Most program headers; libraries have about ten.
    static let segmentLimit = 128
    /// Most exported symbols; a large C++ library has some ten thousand.
    static let exportLimit = 1 << 16
    /// Most bytes of notes that are looked through.
    static let noteSpaceLimit: UInt64 = 1 << 20

    /// ABI majors whose entry function is exported (`jf_entry_1`).
    public var entryMajors: [Int] {
        exports.compactMap { $0.isFunction ? ELFImage.entryMajor($0.name) : nil }.sorted()
    }

    static func entryMajor(_ name: String) -> Int? {
        guard name.hasPrefix("jf_entry_"), name.utf8.count <= 13 else { return nil }
        let digits = name.dropFirst(9)
        return digits.utf8.allSatisfy { (48...57).contains($0) } ? Int(digits) : nil
    }

    #if arch(x86_64)
        static let hostMachine: UInt16 = 62
        static let hostMachineName = "x86-64"
    #elseif arch(arm64)
        static let hostMachine: UInt16 = 183
        static let hostMachineName = "aarch64"
    #else
        #error("the plugin ABI covers x86-64 and aarch64")
    #endif

    /// Reads an image. `readingSymbols` false: leaves `exports` empty, for libraries of which only the
    /// dependencies matter.
    init(_ input: ELFInput, readingSymbols: Bool = true) throws(ELFFault) {
        size = input.size
        guard input.size >= 64 else {
            throw ELFFault("is not an ELF file: \(input.size) bytes are fewer than its header has")
        }
        let header = try input.table("the file header", at: 0, count: 64)
        try ELFImage.checkIdentity(header)
        try readSegments(header, input)
        try readDynamicSection(input, readingSymbols)
        try readNotes(header, input)
    }

    /// Reads an image that lies in memory.
    public init(bytes: UnsafeRawBufferPointer) throws(ELFFault) {
        try self.init(ELFInput(memory: bytes))
    }

    private static func checkIdentity(_ header: ELFTable) throws(ELFFault) {
        guard header.bytes[0..<4].elementsEqual([0x7f, 0x45, 0x4c, 0x46]) else {
            throw ELFFault("is not an ELF file")
        }
        guard header.bytes[4] == 2 else { throw ELFFault("is not a 64-bit library") }
        guard header.bytes[5] == 1 else { throw ELFFault("is not little-endian") }
        guard header.bytes[6] == 1 else { throw ELFFault("is of an unknown ELF version") }
        guard header.bytes[7] == 0 || header.bytes[7] == 3 else {
            throw ELFFault("is built for another operating system (OS ABI \(header.bytes[7]))")
        }
        let machine = try header.integer(18, as: UInt16.self)
        guard machine == hostMachine else {
            let name = [3: "x86", 40: "arm", 62: "x86-64", 183: "aarch64", 243: "riscv"][machine]
            throw ELFFault("is built for \(name ?? "machine \(machine)"); this machine is \(hostMachineName)")
        }
        let type = try header.integer(16, as: UInt16.self)
        guard type == 3 else {
            let names: [UInt16: String] = [
                1: "an object file, not linked yet", 2: "an executable", 4: "a core dump",
            ]
            throw ELFFault(
                "is \(names[type] ?? "of ELF type \(type)"); a plugin is a shared library (-shared)")
        }
    }

    private mutating func readSegments(_ header: ELFTable, _ input: ELFInput) throws(ELFFault) {
        let start = try header.integer(32, as: UInt64.self)
        let width = try header.integer(54, as: UInt16.self)
        let count = try header.integer(56, as: UInt16.self)
        guard width == 56, count > 0, count <= ELFImage.segmentLimit else {
            throw ELFFault("is damaged: it has no usable program headers")
        }
        let table = try input.table("the program header table", at: start, count: UInt64(count) * 56)
        segments.reserveCapacity(Int(count))
        for index in 0..<Int(count) {
            let base = index * 56
            let segment = Segment(
                type: try table.integer(base), flags: try table.integer(base + 4),
                offset: try table.integer(base + 8), address: try table.integer(base + 16),
                fileSize: try table.integer(base + 32), memorySize: try table.integer(base + 40),
                alignment: try table.integer(base + 48))
            let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
            if segment.type != 0, segment.fileSize > 0, overflow || end > input.size {
                throw ELFFault(
                    "is truncated or damaged: segment \(index) lies beyond its \(input.size) bytes")
            }
            segments.append(segment)
            switch segment.type {
            case 0x6474_e551: stack = segment.isExecutable ? .executable : .plain
            case 0x6474_e552: hasReadOnlyRelocations = true
            default: break
            }
        }
        guard segments.contains(where: { $0.type == 1 }) else {
            throw ELFFault("is damaged: it has no loadable segment")
        }
        // Section headers come last in the file: when they are cut off, so may be data that no table names.
        let sections = try header.integer(40, as: UInt64.self)
        if sections != 0 {
            let bytes = UInt64(try header.integer(60, as: UInt16.self)) * 64
            _ = try input.table("the section header table", at: sections, count: min(bytes, 0xffff * 64))
        }
    }
}
