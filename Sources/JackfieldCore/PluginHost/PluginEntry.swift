// SPDX-License-Identifier: Apache-2.0
// dlopen, the entry function, and the check of the table that it returns.

import CJackfield
import CLinux
import Glibc

/// A step between dlopen and a usable table that failed.
struct EntryFault: Error {
    let stage: PluginRefusal.Stage
    let text: String
    let advice: String?

    init(_ stage: PluginRefusal.Stage, _ text: String, advice: String? = nil) {
        self.stage = stage
        self.text = text
        self.advice = advice
    }
}

/// A library that is mapped for good: closing one that holds Swift, Rust or Go code crashes later, so nothing
/// is ever closed.
struct OpenedPlugin {
    /// Slots up to here must be in the table: `create`, `destroy`, `facet`.
    static let smallestTable = MemoryLayout<jf_plugin>.offset(of: \jf_plugin.start)!
    /// Above this, `size` is taken for garbage.
    static let largestTable = 64 * 1024

    private let entry: jf_entry_fn

    /// Maps a library and runs its constructors. All symbols are bound now: a missing one must not surface in
    /// traffic. None of its symbols become visible to others.
    init(path: String) throws(EntryFault) {
        dlerror()
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            throw OpenedPlugin.refusal(of: path)
        }
        // The one place where an address becomes a function: the ABI fixes its type by its name.
        guard let symbol = dlsym(handle, "jf_entry_\(JF_ABI_MAJOR)") else {
            throw EntryFault(
                .entry, "it has no function jf_entry_\(JF_ABI_MAJOR)", advice: "build it for ABI 1")
        }
        entry = unsafeBitCast(symbol, to: jf_entry_fn.self)
    }

    private static func refusal(of path: String) -> EntryFault {
        var text = dlerror().map { String(cString: $0) } ?? "dlopen failed"
        for prefix in [path + ": ", path] where text.hasPrefix(prefix) { text.removeFirst(prefix.count) }
        let advice: String? =
            if text.contains("undefined symbol") {
                "link the library that defines it"
            } else if text.contains("cannot open shared object file") {
                "install that library, or ship it beside the plugin and link with -Wl,-rpath,'$ORIGIN'"
            } else if text.contains("failed to map segment") {
                "set a state directory on a file system that is not mounted noexec"
            } else {
                nil
            }
        return EntryFault(.open, "it cannot be loaded: \(text)", advice: advice)
    }

    /// Calls the entry function and copies its table: what a smaller one lacks is NULL, what a larger one has
    /// more is ignored.
    func table() throws(EntryFault) -> jf_plugin {
        var fault = jf_fault()
        fault.size = UInt32(MemoryLayout<jf_fault>.size)
        var place: UInt64 = 0
        let returned = withUnsafeMutablePointer(to: &place) { anything in
            var offer = jf_offer(
                size: UInt32(MemoryLayout<jf_offer>.size), major: UInt16(JF_ABI_MAJOR),
                minor: UInt16(JF_ABI_MINOR),
                host: OpaquePointer(anything), service: noServiceAtEntry)
            return entry(&offer, &fault)
        }
        guard let returned else {
            let said = OpenedPlugin.text(fault)
            throw EntryFault(
                .entry, said.isEmpty ? "it refused without saying why" : "it refused: \(said)",
                advice: said.isEmpty ? "ask its author" : "provide what it asks for")
        }
        guard UInt(bitPattern: returned) % UInt(MemoryLayout<jf_plugin>.alignment) == 0 else {
            throw EntryFault(.table, "its table is not aligned", advice: "build it with the headers of ABI 1")
        }
        let size = Int(returned.pointee.size)
        guard size >= OpenedPlugin.smallestTable else {
            throw EntryFault(
                .table,
                "its table says \(size) bytes; with create, destroy and facet it has at least "
                    + "\(OpenedPlugin.smallestTable)",
                advice: "set jf_plugin.size to sizeof(jf_plugin)")
        }
        guard size <= OpenedPlugin.largestTable else {
            throw EntryFault(
                .table, "its table says \(size) bytes, which cannot be",
                advice: "set jf_plugin.size to sizeof(jf_plugin)")
        }
        var table = jf_plugin()
        withUnsafeMutableBytes(of: &table) { local in
            local.copyMemory(from: UnsafeRawBufferPointer(start: returned, count: min(size, local.count)))
        }
        let missing = [
            ("create", table.create == nil), ("destroy", table.destroy == nil), ("facet", table.facet == nil),
        ]
        .filter(\.1).map(\.0)
        guard missing.isEmpty else {
            throw EntryFault(
                .table, "its table lacks \(missing.joined(separator: ", "))",
                advice: "fill in all required slots")
        }
        return table
    }

    private static func text(_ fault: jf_fault) -> String {
        withUnsafeBytes(of: fault.text) { bytes in
            String(decoding: bytes.prefix(min(Int(fault.text_len), bytes.count)), as: UTF8.self)
        }
    }
}

/// `jf_offer.service` while the entry function runs: nothing is offered yet.
private func noServiceAtEntry(_ host: OpaquePointer?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    nil
}
