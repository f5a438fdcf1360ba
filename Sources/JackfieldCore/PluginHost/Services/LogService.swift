// SPDX-License-Identifier: Apache-2.0
// jf.log/1 for one instance: records carry the plugin's id.

import CJackfield

func logService(_ context: UnsafeMutableRawPointer) -> jf_log_1 {
    jf_log_1(
        size: UInt32(MemoryLayout<jf_log_1>.size), flags: 0, context: context, write: logWrite,
        enabled: logEnabled)
}

private func logWrite(
    _ context: UnsafeMutableRawPointer?, _ level: UInt32, _ text: jf_view, _ fields: UnsafePointer<jf_pair>?,
    _ count: UInt64
) {
    let instance = instance(context)
    let level = Log.Level(rawValue: level) ?? .error
    guard instance.log.isEnabled(level) else { return }
    var shown = [Log.Field("plugin", instance.id)]
    for at in 0..<Int(min(count, 16)) {
        guard let pair = fields?[at] else { break }
        shown.append(.init(pair.name.string, pair.value.string))
    }
    instance.log.write(level, text.string, shown)
}

private func logEnabled(_ context: UnsafeMutableRawPointer?, _ level: UInt32) -> UInt32 {
    instance(context).log.isEnabled(Log.Level(rawValue: level) ?? .error) ? 1 : 0
}
