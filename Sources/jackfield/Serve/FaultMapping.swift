// SPDX-License-Identifier: Apache-2.0
// Injected faults: from the configuration's words to the core's.

import Configuration
import JackfieldCore

extension BorderPlan.Fault {
    init(_ fault: Configuration.Plugin.Fault) {
        if let absent = fault.absent {
            self = .absent(absent)
            return
        }
        let status = fault.failure.map { BorderPlan.status(named: $0.rawValue) } ?? 0
        self = .slot(fault.slot ?? "", delay: fault.delay, status: status, every: fault.every)
    }
}
