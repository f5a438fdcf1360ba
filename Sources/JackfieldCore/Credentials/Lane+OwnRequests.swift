// SPDX-License-Identifier: Apache-2.0
// The gateway's own requests to a server that asks who comes: probes, handshakes, listings.

import CJackfield
import CLinux
import MCP

extension Lane {
    /// Sends a request of the gateway's own once there is something to show for it.
    /// - Parameter message: the request as it goes out.
    /// - Returns: the call's handle.
    func requestAuthorized(
        _ call: Call, _ channel: Channel, _ message: [UInt8], _ method: Method, _ revision: Revision?,
        _ session: [UInt8]?, _ kind: Int, for caller: Principal
    ) -> UInt64 {
        let handle = call.handle
        call.caller = caller
        func go() {
            guard let call = calls[handle] else { return }
            let problem = message.withUnsafeBytes { bytes in
                withUnsafePointer(
                    to: ByteSegment(
                        pointer: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        count: UInt64(bytes.count))
                ) { part in
                    post(
                        channel, exchange: handle,
                        UnsafeBufferPointer(start: part, count: message.isEmpty ? 0 : 1), method: method,
                        revision: revision, session: session, kind: kind, for: caller)
                }
            }
            if let problem { end(call, .failed(problem, retry: 0)) }
        }
        func end(_ call: Call, _ answer: InternalAnswer) {
            let handler = call.handler
            finish(call)
            handler?(answer)
        }
        func came(_ outcome: Authorization) {
            guard let call = calls[handle] else { return }
            switch outcome {
            case .ready: go()
            case .connect: end(call, .failed("it waits for a user who connects to it", retry: 30_000))
            case .denied(let text): end(call, .failed(text, retry: 0))
            case .failed(let text, let retry):
                end(call, .failed("no credentials could be had: \(text)", retry: retry))
            }
        }
        func ask(_ refused: UpstreamRefusal?) {
            guard let credentials = channel.credentials, let call = calls[handle] else { return }
            var demand = Demand(caller, channel.endpoint)
            demand.method = method
            demand.refused = refused
            demand.attempt = call.refusals
            // Never from inside: whoever asks has yet to take note of the handle.
            if let now = authorize(credentials, demand, came) { loop.later { came(now) } }
        }
        call.repeats = { refused in
            guard let call = self.calls[handle] else { return }
            call.refusals += 1
            ask(refused)
        }
        if channel.credentials?.find(caller, channel.endpoint.id, now: loop.now) != nil {
            go()
        } else {
            ask(nil)
        }
        return handle
    }
}
