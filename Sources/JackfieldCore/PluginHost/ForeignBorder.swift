// SPDX-License-Identifier: Apache-2.0
// The border around a third party's service: a table in front of the plugin's own, made by `jf.interpose/1`.

import CJackfield
import CMeter
import Glibc

/// Why nothing can stand in front of a table.
struct BorderFault: Error {
    let text: String
}

/// One table of a plugin, metered on its way to those who use it.
///
/// Made and ended on the lane; reading is atomic, hence `@unchecked Sendable`.
final class ForeignBorder: @unchecked Sendable {
    let table: ForeignTable
    /// What others get in place of the plugin's table.
    let wrapped: UnsafeRawPointer
    private let interposer: jf_interpose_1
    private let handle: jf_ref
    /// `jf_border *`: the counters.
    private let border: OpaquePointer

    /// - Parameter options: whom to tell of traces and slow slots; they live at least as long as this.
    init(
        _ table: ForeignTable, _ real: UnsafeRawPointer, interposer: jf_interpose_1,
        options: jf_shim_options, faults: [BorderPlan.Fault]
    ) throws(BorderFault) {
        guard let border = makeBorder(table, options) else { throw BorderFault(text: "out of memory") }
        for fault in faults {
            guard case .slot(let name, let delay, let status, let every) = fault else { continue }
            jf_border_inject(border, name, delay, status, UInt32(clamping: every))
        }
        var wrapped: UnsafeRawPointer?
        var handle: jf_ref = 0
        var fault = jf_fault.empty()
        let status = withShapes(table) { shapes in
            var plan = jf_interpose_plan()
            plan.size = UInt32(MemoryLayout<jf_interpose_plan>.size)
            plan.shapes = shapes.baseAddress
            plan.count = UInt64(shapes.count)
            plan.before = jf_border_before
            plan.after = jf_border_after
            plan.user = UnsafeMutableRawPointer(border)
            return interposer.wrap?(interposer.context, &plan, real, &wrapped, &handle, &fault)
                ?? Int32(JF_E_UNSUPPORTED)
        }
        guard status == JF_OK, let wrapped else {
            jf_border_free(border)
            throw BorderFault(text: fault.message.isEmpty ? "it cannot be wrapped" : fault.message)
        }
        self.table = table
        self.interposer = interposer
        self.border = border
        self.wrapped = wrapped
        self.handle = handle
    }

    deinit { jf_border_free(border) }

    /// Nobody calls the table any more. False: a call is still in it, so that the counters must stay.
    func end() -> Bool {
        guard let unwrap = interposer.unwrap else { return false }
        return unwrap(interposer.context, handle) == JF_OK
    }

    /// Adds what was counted so far, by `ID.SLOT`. [any]
    func add(to totals: inout [(name: String, counts: jf_slot_counts)]) {
        var counts = jf_slot_counts()
        for (at, slot) in table.slots.enumerated() where jf_border_read(border, UInt32(at), &counts) != 0 {
            let name = table.id + "." + slot.name
            let known = totals.firstIndex { $0.name == name }
            if known == nil { totals.append((name, jf_slot_counts())) }
            totals[known ?? totals.endIndex - 1].counts.add(counts)
        }
    }
}

private func makeBorder(_ table: ForeignTable, _ options: jf_shim_options) -> OpaquePointer? {
    var texts: [UnsafeMutablePointer<CChar>] = []
    func text(_ it: String) -> UnsafePointer<CChar> {
        let copy = strdup(it)!
        texts.append(copy)
        return UnsafePointer(copy)
    }
    var parameters: [UnsafeMutableBufferPointer<jf_border_parameter>] = []
    // Everything is copied.
    defer {
        for copy in texts { free(copy) }
        for list in parameters { list.deallocate() }
    }
    var slots: [jf_border_slot] = []
    for slot in table.slots {
        let all = [ForeignTable.Parameter(name: "context", type: "pointer", isOut: false)] + slot.parameters
        let list = UnsafeMutableBufferPointer<jf_border_parameter>.allocate(capacity: all.count)
        parameters.append(list)
        _ = list.initialize(
            from: all.map {
                var made = jf_border_parameter()
                made.name = text($0.name)
                made.type = text($0.type)
                made.is_out = $0.isOut ? 1 : 0
                return made
            })
        var made = jf_border_slot()
        made.name = text(slot.name)
        made.lane = text(slot.lane)
        made.parameters = UnsafePointer(list.baseAddress)
        made.count = UInt32(all.count)
        made.gives_status = slot.givesStatus ? 1 : 0
        slots.append(made)
    }
    var options = options
    return jf_border_new(&options, table.id, slots, UInt32(slots.count))
}

private func withShapes<Result>(
    _ table: ForeignTable, _ body: (UnsafeBufferPointer<jf_view>) -> Result
) -> Result {
    let bytes = table.slots.map { Array($0.shape.utf8) }
    var whole: [UInt8] = []
    for shape in bytes { whole += shape }
    return whole.withUnsafeBufferPointer { all in
        var views: [jf_view] = []
        var at = 0
        for shape in bytes {
            views.append(jf_view(ptr: all.baseAddress! + at, len: UInt64(shape.count)))
            at += shape.count
        }
        return views.withUnsafeBufferPointer(body)
    }
}
