// SPDX-License-Identifier: Apache-2.0
// What is known of a server's versions, for whoever asks how it fares. Written by the control loop, read by any.

import JSON
import Synchronization

final class VersionBoard: Sendable {
    struct Report: Sendable, Equatable {
        var shown: String?
        var isKnown = false
        var fallbacks: [VersionFallback] = []
    }

    /// Tools of which it is said which replicas are left out.
    private static let longest = 100

    private let state = Mutex(Report())

    /// Returns what was there before.
    func replace(_ report: Report) -> Report {
        state.withLock { state in
            defer { state = report }
            return state
        }
    }

    /// Writes an object.
    func write(to writer: inout JSONWriter) {
        let report = state.withLock { $0 }
        writer.beginObject()
        if report.isKnown {
            writer.key("shown")
            writer.value(report.shown ?? "")
        }
        writer.key("left_out")
        writer.beginArray()
        for fallback in report.fallbacks.prefix(Self.longest) {
            writer.beginObject()
            writer.key("tool")
            writer.value(fallback.tool)
            writer.key("shown")
            writer.value(fallback.shown ?? "")
            writer.key("endpoint")
            writer.value(fallback.endpoint)
            writer.key("version")
            writer.value(fallback.version ?? "")
            writer.key("why")
            writer.value(fallback.why)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
