// SPDX-License-Identifier: Apache-2.0
// jf.ops/1 and jf.toolsets/1 for one instance: pending operations end here, from any thread.

import CJackfield
import CLinux
import Synchronization

func opsService(_ context: UnsafeMutableRawPointer) -> jf_ops_1 {
    jf_ops_1(
        size: UInt32(MemoryLayout<jf_ops_1>.size), flags: 0, context: context, finish: opsFinish,
        state: opsState,
        progress: opsProgress)
}

func toolsetsService(_ context: UnsafeMutableRawPointer) -> jf_toolsets_1 {
    jf_toolsets_1(
        size: UInt32(MemoryLayout<jf_toolsets_1>.size), flags: 0, context: context, changed: toolsetsChanged)
}

/// An owned result on its way to the lane; dropped exactly once wherever it ends.
struct OwnedBlob: @unchecked Sendable {
    var blob: jf_blob
}

private func opsFinish(
    _ context: UnsafeMutableRawPointer?, _ op: jf_ref, _ status: Int32,
    _ result: UnsafeMutablePointer<jf_blob>?,
    _ why: UnsafePointer<jf_fault>?
) -> Int32 {
    let instance = instance(context)
    // Taken in every case: the caller's copy is emptied, so that a second drop cannot happen there.
    var owned = OwnedBlob(blob: result?.pointee ?? .none)
    result?.pointee = .none
    guard instance.lane.operations.close(op) else {
        owned.blob.dropOnce()
        instance.strikes.add(1, ordering: .relaxed)
        instance.log.write(.warning, "operation finished twice or too late", [.init("plugin", instance.id)])
        return Int32(JF_E_STALE)
    }
    let message = why?.pointee.message ?? ""
    let isPublic = why?.pointee.isPublic ?? false
    let lane = instance.lane
    let taken = owned
    if op & Lane.moduleOperation != 0 {
        let retry = why?.pointee.retry_ms ?? 0
        let isUntouched = (why?.pointee.flags ?? 0) & UInt32(JF_FAULT_NOT_STARTED) != 0
        lane.loop.post {
            lane.moduleFinished(
                op,
                ModuleAnswer(
                    status: status, blob: taken.blob, message: message, isPublic: isPublic, retry: retry,
                    isUntouched: isUntouched))
        }
        return Int32(JF_OK)
    }
    // Always queued: the host never calls a plugin from inside `finish`.
    lane.loop.post { lane.operationFinished(op, status, taken.blob, message, isPublic) }
    return Int32(JF_OK)
}

private func opsState(_ context: UnsafeMutableRawPointer?, _ op: jf_ref) -> Int32 {
    instance(context).lane.operations.state(op)
}

private func opsProgress(
    _ context: UnsafeMutableRawPointer?, _ op: jf_ref, _ done: Double, _ total: Double, _ text: jf_view
) -> Int32 {
    let instance = instance(context)
    guard instance.lane.operations.state(op) == JF_OK else { return Int32(JF_E_STALE) }
    let lane = instance.lane
    let message = text.present.map { String(decoding: $0, as: UTF8.self) }
    lane.loop.post { lane.operationProgressed(op, done, total, message) }
    return Int32(JF_OK)
}

private func toolsetsChanged(_ context: UnsafeMutableRawPointer?, _ set: jf_ref, _ kind: UInt32) {
    let lane = instance(context).lane
    lane.loop.post { lane.toolsetChanged(set, kind) }
}
