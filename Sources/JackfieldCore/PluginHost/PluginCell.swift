// SPDX-License-Identifier: Apache-2.0
// Plugins in cells: the same library, run by child processes, behind a table like any other.

import CCell
import CJackfield
import Glibc

/// Where a plugin runs, and what it may do there.
public enum PluginPlacement: Sendable, Equatable {
    /// In the gateway's process: fast, trusted.
    case inproc
    /// In child processes, one for each instance: isolated.
    case cell(CellPlan)
}

/// A plugin beside the one that a cell is for.
public struct CellNeighbour: Sendable, Equatable {
    /// The staged copy of its library, and its configuration as JSON.
    public let library: String
    public let config: String

    public init(library: String, config: String) {
        self.library = library
        self.config = config
    }
}

/// Rights and bounds of a plugin's cells. What is not given is refused there.
public struct CellPlan: Sendable, Equatable {
    /// Bytes of writable memory.
    public var memory = 1 << 30
    /// Open descriptors.
    public var files = 1024
    /// Requests open at once.
    public var operations = 1024
    /// Internet sockets. Nil: where the plugin listens or connects.
    public var network: Bool?
    /// Starting programs.
    public var processes = false
    /// Memory that is written may become code.
    public var jit = false
    /// Every file that this process may open, in place of `read` and `write`.
    public var allFiles = false
    public var read: [String] = []
    public var write: [String] = []
    /// Plugins that run in the same cells, for services that cannot leave a process.
    public var beside: [CellNeighbour] = []

    public init() {}
}

extension CellPlan {
    fileprivate func flags(_ manifest: PluginManifest) -> UInt32 {
        let reaches = manifest.facets.contains { $0 == JF_LISTENER_1 || $0 == JF_CONNECTOR_1 }
        var flags: UInt32 = 0
        if processes { flags |= JF_CELL_PROCESSES }
        if network ?? reaches { flags |= JF_CELL_NETWORK }
        if allFiles { flags |= JF_CELL_ALL_FILES }
        if jit { flags |= JF_CELL_JIT }
        return flags
    }

    /// The table whose instances run `library` in cells; a sentence says why there is none.
    func table(
        _ manifest: PluginManifest, library: String, cell: String, runtime: String?, state: String
    ) throws(CellFault) -> jf_plugin {
        var spawn = jf_cell_spawn()
        spawn.size = UInt32(MemoryLayout<jf_cell_spawn>.size)
        spawn.flags = flags(manifest)
        spawn.threads = UInt32(manifest.threads == .concurrent ? JF_CELL_CONCURRENT : JF_CELL_LANE)
        spawn.limits.memory = UInt64(memory)
        spawn.limits.files = UInt64(files)
        spawn.limits.operations = UInt32(operations)
        let facets = (manifest.facets + manifest.provides).joined(separator: " ")
        let services = (manifest.requires + manifest.optional).joined(separator: " ")
        var why: UnsafePointer<CChar>?
        // All texts are copied before it returns.
        let made = withStrings([cell, library, manifest.id, facets, services, state]) { texts in
            withStringList(read + (runtime.map { [$0] } ?? [])) { readable in
                withStringLists(write, beside.flatMap { [$0.library, $0.config] }) { writable, neighbours in
                    spawn.cell = texts[0]
                    spawn.library = texts[1]
                    spawn.name = texts[2]
                    spawn.facets = texts[3]
                    spawn.services = texts[4]
                    spawn.state_dir = texts[5]
                    spawn.readable = readable
                    spawn.writable = writable
                    spawn.beside = neighbours
                    return jf_cell_plugin(&spawn, &why)
                }
            }
        }
        guard let made else {
            throw CellFault(text: why.map { String(cString: $0) } ?? "the cell cannot be described")
        }
        return made.pointee
    }
}

/// Why a plugin cannot run in a cell.
struct CellFault: Error {
    let text: String
}

private func withStrings<Result>(
    _ texts: [String], _ body: ([UnsafePointer<CChar>]) -> Result
) -> Result {
    let copies = texts.map { strdup($0)! }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { UnsafePointer($0) })
}

/// A NULL-terminated list of texts.
private func withStringList<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    withStrings(texts) { pointers in
        let list: [UnsafePointer<CChar>?] = pointers + [nil]
        return list.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

private func withStringLists<Result>(
    _ first: [String], _ second: [String],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    withStringList(first) { one in withStringList(second) { body(one, $0) } }
}
