// SPDX-License-Identifier: Apache-2.0
// From the configuration's `audit` to the core's plan.

import Configuration
import JackfieldCore

extension AuditPlan {
    init(_ audit: Configuration.Audit) {
        self.init()
        directory = audit.path ?? ""
        switch audit.arguments {
        case .digest: arguments = .digest
        case .none: arguments = .none
        case .full: arguments = .full
        }
        redact = audit.redact
        onFull = audit.onFull == .block ? .block : .drop
        switch audit.sync {
        case .batch: sync = .batch
        case .interval: sync = .interval
        case .never: sync = .never
        }
        syncInterval = audit.syncInterval
        rotateBytes = audit.rotateBytes
        rotateAge = audit.rotateAge
        keepFiles = audit.keepFiles
        keepBytes = audit.keepBytes
        keepAge = audit.keepAge
        isSigned = audit.sign
        signEvery = audit.signEvery
        signInterval = audit.signInterval
        buffer = audit.buffer
        calls = audit.calls
        lists = audit.lists
        denials = audit.denials
        changes = audit.changes
    }
}
