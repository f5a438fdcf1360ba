// SPDX-License-Identifier: Apache-2.0
// An instance that keeps its lane: its requests go to a worker thread where it allows that, else to a cell.

import CJackfield
import CMeter

extension PluginInstance {
    /// Takes what its meter has to say about its lane from now on.
    func watchSlowness() {
        meter.isTooSlow = { [unowned self] slot in
            // The plugin's slot is still under way here; and an instance that ended meanwhile is nobody's business.
            lane.loop.post { [weak self] in
                guard let self, self.state == .started else { return }
                let name = jf_slot_named(slot).pointee
                self.leaveLane(
                    "\(String(cString: name.table)).\(String(cString: name.slot))",
                    isRequest: jf_slot_is_request(slot) != 0)
            }
        }
    }

    /// On the lane.
    private func leaveLane(_ slot: String, isRequest: Bool) {
        if isRequest, aside == nil, library.manifest.mayLeaveLane {
            aside = WorkerTurn()
            jf_shim_leave_lane(meter.shim)
            return lane.gateway.movedToWorker(id, slot)
        }
        guard let generation else { return }
        lane.gateway.control.post { [gateway = lane.gateway] in gateway.moveToCell(generation, slot) }
    }

    /// Runs a control slot. Where requests run on workers, it waits for the one that does.
    func alone<Result>(_ body: () -> Result) -> Result {
        if let aside { aside.alone(body) } else { body() }
    }

    /// Queues a request; false: too many wait.
    func work(_ body: @escaping @Sendable () -> Void) -> Bool {
        if let aside { return aside.run(on: lane.gateway.workers, body) }
        return lane.gateway.workers.run(body)
    }

    /// Requests run on workers. Read for each of them.
    var isOffLane: Bool { aside != nil || library.manifest.threads == .concurrent }
}
