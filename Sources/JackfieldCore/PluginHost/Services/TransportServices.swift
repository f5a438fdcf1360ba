// SPDX-License-Identifier: Apache-2.0
// jf.inbound/1, jf.channels/1 and jf.calls/1 for one instance: thin doors into the lane.

import CJackfield

func inboundService(_ context: UnsafeMutableRawPointer) -> jf_inbound_1 {
    jf_inbound_1(
        size: UInt32(MemoryLayout<jf_inbound_1>.size), flags: 0, context: context, opened: inboundOpened,
        deliver: inboundDeliver, gone: inboundGone, writable: inboundWritable, closed: inboundClosed,
        wants: UnsafePointer(instance(context).lane.wants))
}

func channelsService(_ context: UnsafeMutableRawPointer) -> jf_channels_1 {
    jf_channels_1(
        size: UInt32(MemoryLayout<jf_channels_1>.size), flags: 0, context: context, ready: channelsReady,
        deliver: channelsDeliver, failed: channelsFailed, writable: channelsWritable, closed: channelsClosed)
}

func callsService(_ context: UnsafeMutableRawPointer) -> jf_calls_1 {
    jf_calls_1(
        size: UInt32(MemoryLayout<jf_calls_1>.size), flags: 0, context: context, start: callsStart,
        cancel: callsCancel)
}

// MARK: jf.inbound/1

private func inboundOpened(
    _ context: UnsafeMutableRawPointer?, _ info: UnsafePointer<jf_client_info>?,
    _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    guard let info, let out else { return Int32(JF_E_INVALID) }
    let instance = instance(context)
    let local = attach(UnsafeRawPointer(info), as: jf_client_info.self, empty: jf_client_info())
    return instance.lane.clientOpened(instance, local, out)
}

private func inboundDeliver(
    _ context: UnsafeMutableRawPointer?, _ client: jf_ref, _ message: UnsafePointer<jf_message>?
) -> Int32 {
    guard let message else { return Int32(JF_E_INVALID) }
    return withInstance(context) { $0.lane.clientDelivered(client, message) }
}

private func inboundGone(_ context: UnsafeMutableRawPointer?, _ client: jf_ref, _ exchange: jf_ref) {
    instance(context).lane.clientExchangeGone(client, exchange)
}

private func inboundWritable(_ context: UnsafeMutableRawPointer?, _ client: jf_ref, _ exchange: jf_ref) {
    instance(context).lane.clientWritable(client, exchange)
}

private func inboundClosed(_ context: UnsafeMutableRawPointer?, _ client: jf_ref) {
    instance(context).lane.clientClosed(client)
}

// MARK: jf.channels/1

private func channelsReady(_ context: UnsafeMutableRawPointer?, _ channel: jf_ref, _ flags: UInt32) {
    instance(context).lane.channelReady(channel, flags)
}

private func channelsDeliver(
    _ context: UnsafeMutableRawPointer?, _ channel: jf_ref, _ message: UnsafePointer<jf_message>?
) -> Int32 {
    guard let message else { return Int32(JF_E_INVALID) }
    return withInstance(context) { $0.lane.channelDelivered(channel, message) }
}

private func channelsFailed(
    _ context: UnsafeMutableRawPointer?, _ channel: jf_ref, _ exchange: jf_ref,
    _ why: UnsafePointer<jf_fault>?
) {
    let fault = why.map { attach(UnsafeRawPointer($0), as: jf_fault.self, empty: jf_fault()) } ?? .empty()
    instance(context).lane.channelFailed(channel, exchange, fault)
}

private func channelsWritable(_ context: UnsafeMutableRawPointer?, _ channel: jf_ref) {}

private func channelsClosed(_ context: UnsafeMutableRawPointer?, _ channel: jf_ref) {
    instance(context).lane.channelClosed(channel)
}

// MARK: jf.calls/1

private func callsStart(
    _ context: UnsafeMutableRawPointer?, _ call: UnsafePointer<jf_call>?, _ done: jf_call_done_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let call, let done else { return Int32(JF_E_INVALID) }
    let instance = instance(context)
    let local = attach(UnsafeRawPointer(call), as: jf_call.self, empty: jf_call())
    return instance.lane.pluginCall(instance, local, done, user, out, why)
}

private func callsCancel(_ context: UnsafeMutableRawPointer?, _ call: jf_ref) {
    instance(context).lane.cancelPluginCall(call)
}
