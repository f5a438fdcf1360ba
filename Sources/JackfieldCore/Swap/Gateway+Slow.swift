// SPDX-License-Identifier: Apache-2.0
// Plugins that change their place without changing: slow ones leave their lane, those in cells get more rights.

import CJackfield
import Synchronization

extension Gateway {
    /// An instance's requests run on workers from now on. Any thread.
    func movedToWorker(_ id: String, _ slot: String) {
        log.write(
            .warning, "a plugin kept its lane too long, too often; its requests go to a worker thread",
            [.init("plugin", id), .init("slot", slot)])
        let move = SlowMove(place: .worker, slot: slot, why: "its requests kept the lane")
        slowMoves.withLock { $0[id] = move }
    }

    /// Makes a generation that runs in a cell of one that keeps its lane. Each generation once. Control loop only.
    func moveToCell(_ old: PluginGeneration, _ slot: String) {
        guard !isDraining, currentGenerations[old.id] === old, !old.isSlowKnown.load(ordering: .relaxed)
        else { return }
        if let why = stays(old) {
            old.isSlowKnown.store(true, ordering: .relaxed)
            // Of those that came with this program it is mostly the machine that is slow.
            log.write(
                old.library.placed == .firstParty ? .info : .warning,
                "a plugin keeps its lane too long, too often, and stays there",
                [.init("plugin", old.id), .init("slot", slot), .init("why", why)])
            return slowMoves.withLock { $0[old.id] = SlowMove(place: .lane, slot: slot, why: why) }
        }
        // It will be heard of again when the way is free.
        guard swap == nil, replacements.isEmpty, let isolate = isolatePlugin else { return }
        old.isSlowKnown.store(true, ordering: .relaxed)
        log.write(
            .warning, "a plugin kept its lane too long, too often; it moves to a cell",
            [.init("plugin", old.id), .init("slot", slot)])
        beginSwap(old.id, file: old.library.path) { [weak self] report in
            guard let self, report.isFinal else { return }
            let move =
                report.step == .done
                ? SlowMove(place: .cell, slot: slot, why: "its slots kept the lane")
                : SlowMove(place: .lane, slot: slot, why: "the move to a cell failed: \(report.text)")
            self.slowMoves.withLock { $0[old.id] = move }
        } load: { _ in
            isolate(old.library, .slow)
        }
    }

    // MARK: More rights

    /// A reload names files to plugins in cells that they cannot read. What a process may do never grows, so
    /// they get new ones.
    func widenCells(_ new: GatewayPlan) {
        let before = plan.placements
        plan.placements = new.placements
        for (id, placement) in new.placements.sorted(by: { $0.key < $1.key }) {
            guard case .cell(let wanted) = placement, case .cell(let had)? = before[id],
                currentGenerations[id]?.library.isIsolated == true,
                !Set(wanted.read).isSubset(of: had.read), !waitingCells.contains(id)
            else { continue }
            waitingCells.append(id)
        }
    }

    /// Makes the next of them; nothing is under way. Control loop only.
    func renewCells() {
        guard !waitingCells.isEmpty, let isolate = isolatePlugin else { return }
        let id = waitingCells.removeFirst()
        guard let old = currentGenerations[id] else { return renewCells() }
        let isThere = old.library.isIsolated
        log.write(
            .info, isThere ? "a plugin gets new cells, with other rights" : "a plugin moves to a cell",
            [.init("plugin", id)])
        beginSwap(id, file: old.library.path) { _ in
        } load: { _ in
            isolate(old.library, isThere ? old.library.placed : .configured)
        }
    }

    /// Why a slow plugin stays in process; nil: it goes.
    private func stays(_ old: PluginGeneration) -> String? {
        switch old.library.placed {
        case .configured: return "the configuration says placement: inproc"
        case .firstParty: return "it was installed with this program"
        case .author, .pinned, .stranger, .slow: break
        }
        if let obstacle = PlacementChoice.obstacle(old.library.manifest) { return obstacle }
        return isolatePlugin == nil ? "this gateway makes no cells while it runs" : nil
    }
}
