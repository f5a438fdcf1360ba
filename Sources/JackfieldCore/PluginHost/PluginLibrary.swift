// SPDX-License-Identifier: Apache-2.0
// A plugin's library that is loaded into this process, for good.

import CJackfield

/// A loaded plugin. Loaded libraries are never closed, so everything here stays valid until the process ends.
///
/// Immutable after init, and the table that `table` points to is never written again, hence `@unchecked`.
public final class PluginLibrary: @unchecked Sendable {
    public let manifest: PluginManifest
    /// SHA-256 of the file; of the whole bundle where it brings libraries of its own.
    public let digest: SHA256Digest
    /// The operator's file.
    public let path: String
    /// The copy that is mapped.
    public let stagedPath: String
    /// The host's own copy of the plugin's table: complete, with NULL for what an older plugin lacks. Its
    /// `size` and `minor` are the plugin's.
    public let table: UnsafePointer<jf_plugin>
    /// The ABI minor that both sides speak.
    public let effectiveMinor: Int
    /// What loading it changed in this process.
    public let sideEffects: [SideEffect]
    /// It runs in cells: nothing of it is in this process.
    public let isIsolated: Bool
    /// Why it runs where it does.
    public let placed: PlacementChoice.Reason

    init(
        manifest: PluginManifest, staged: StagedPlugin, path: String, table: jf_plugin,
        sideEffects: [SideEffect], isIsolated: Bool = false, placed: PlacementChoice.Reason = .configured
    ) {
        self.isIsolated = isIsolated
        self.placed = placed
        self.manifest = manifest
        digest = staged.digest
        self.path = path
        stagedPath = staged.path
        let memory = UnsafeMutablePointer<jf_plugin>.allocate(capacity: 1)
        memory.initialize(to: table)
        self.table = UnsafePointer(memory)
        effectiveMinor = min(Int(table.minor), Int(JF_ABI_MINOR))
        self.sideEffects = sideEffects
    }
}
