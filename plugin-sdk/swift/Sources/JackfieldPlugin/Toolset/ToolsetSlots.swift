// SPDX-License-Identifier: Apache-2.0
// The slots of jf_toolset_1: free functions, since a closure may be taken for one of the main actor's.

import CJackfield

func toolsetTable(completes: Bool) -> jf_toolset_1 {
    jf_toolset_1(
        size: UInt32(MemoryLayout<jf_toolset_1>.size), flags: 0, open: openSet, close: closeSet,
        list: listItems,
        call: call, read: read, prompt: prompt, complete: completes ? complete : nil, cancel: cancel)
}

private func openSet(
    _ own: OpaquePointer?, _ set: jf_ref, _ name: jf_view, _ config: jf_view,
    _ handle: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let facet = instance.toolset, let handle else { return Int32(JF_E_FAULT) }
        guard let entry = facet.read(config) else {
            return Refusal(JF_E_INVALID, "the server's entry is not JSON").fill(why)
        }
        do {
            handle.pointee = try facet.open(set, name.text ?? "", entry)
            return Int32(JF_OK)
        } catch {
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}

private func closeSet(_ own: OpaquePointer?, _ handle: jf_ref) {
    Instance.with(own) { $0.toolset?.close(handle) }
}

private func listItems(
    _ own: OpaquePointer?, _ handle: jf_ref, _ kind: UInt32, _ items: UnsafeMutablePointer<jf_blob>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    let json = Instance.with(own) { $0.toolset?.list(handle, kind) } ?? nil
    guard let json, let items else { return Int32(JF_ABSENT) }
    items.pointee = .copying(json)
    return Int32(JF_OK)
}

private func answer(
    _ kind: RequestKind, _ own: OpaquePointer?, _ op: jf_ref, _ request: UnsafePointer<jf_request>?,
    _ result: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let result, let why, let request = attach(UnsafeRawPointer(request), jf_request()) else {
        return Int32(JF_E_FAULT)
    }
    // Flags 16 to 31 mean something that may not be ignored, and none is known yet.
    guard request.flags >> 16 == 0 else {
        return Refusal(JF_E_UNSUPPORTED, "the request has flags that this plugin does not know").fill(why)
    }
    return Instance.with(own) { instance in
        guard let facet = instance.toolset else { return Int32(JF_E_FAULT) }
        guard let outcome = facet.request(kind, RequestSlot(op), request) else { return Int32(JF_PENDING) }
        return outcome.fill(&result.pointee, &why.pointee)
    } ?? Int32(JF_E_FAULT)
}

private func call(
    _ own: OpaquePointer?, _ op: jf_ref, _ request: UnsafePointer<jf_request>?,
    _ result: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 { answer(.call, own, op, request, result, why) }

private func read(
    _ own: OpaquePointer?, _ op: jf_ref, _ request: UnsafePointer<jf_request>?,
    _ result: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 { answer(.read, own, op, request, result, why) }

private func prompt(
    _ own: OpaquePointer?, _ op: jf_ref, _ request: UnsafePointer<jf_request>?,
    _ result: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 { answer(.prompt, own, op, request, result, why) }

private func complete(
    _ own: OpaquePointer?, _ op: jf_ref, _ request: UnsafePointer<jf_request>?,
    _ result: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 { answer(.complete, own, op, request, result, why) }

/// [any]: the author's body runs on the lane.
private func cancel(_ own: OpaquePointer?, _ op: jf_ref) {
    Instance.with(own) { instance in
        let services = instance.services
        services.post { services.operation(op)?.cancel() }
    }
}
