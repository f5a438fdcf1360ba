// SPDX-License-Identifier: Apache-2.0
// One connected client: lines in, lines out.

import Glibc
import JackfieldPlugin

final class LinesClient: ClientConnection {
    /// Bytes that wait before the gateway hears of a slow reader, and before the connection is given up.
    private static let slow = 65_536
    private static let givenUp = 16_777_216

    private var descriptor: Int32
    private let most: Int
    private let onEnd: (LinesClient) -> Void
    private var client: Client?
    private var watch: Watch?
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    /// The gateway waits for `writable`.
    private var isSlow = false
    /// Ends when `output` is empty.
    private var isClosing = false

    init(_ descriptor: Int32, most: Int, onEnd: @escaping (LinesClient) -> Void) {
        self.descriptor = descriptor
        self.most = most
        self.onEnd = onEnd
    }

    deinit { closeSocket() }

    func begin(_ host: Host, _ client: Client) throws {
        self.client = client
        do {
            watch = try host.watch(descriptor, for: [.readable, .writable]) { [weak self] in self?.turn($0) }
        } catch {
            client.closed()
            throw error
        }
    }

    func closeSocket() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    // MARK: Out

    func reply(_ message: borrowing Message) -> ReplyStatus {
        if descriptor < 0 || isClosing { return .gone }
        // Without a body it is an acknowledgement: there is no line for it.
        if message.segmentCount == 0 { return .taken }
        // A JSON text may have line feeds only between its tokens: there a space does as well.
        output += message.body.map { $0 == 10 || $0 == 13 ? 32 : $0 }
        output.append(10)
        flush()
        if output.count > LinesClient.givenUp { end() }
        if descriptor < 0 { return .gone }
        if output.count > LinesClient.slow { isSlow = true }
        return isSlow ? .slowReader : .taken
    }

    /// Closes the connection once all is written.
    func close() {
        isClosing = true
        flush()
    }

    /// Writes what the socket takes.
    private func flush() {
        var done = 0
        while descriptor >= 0, done < output.count {
            let count = output[done...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            if count < 0 { return end() }
            done += count
        }
        output.removeFirst(done)
        guard output.isEmpty, descriptor >= 0 else { return }
        if isClosing { return end() }
        if isSlow {
            isSlow = false
            client?.writable(.shared)
        }
    }

    // MARK: In

    private func turn(_ events: Readiness) {
        if events.contains(.writable) { flush() }
        var part = [UInt8](repeating: 0, count: 16_384)
        while descriptor >= 0 {
            let count = recv(descriptor, &part, part.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            if count <= 0 { return end() }
            input += part[..<count]
            deliver()
        }
    }

    /// Hands every whole line to the gateway, which may answer, or end the client, before it returns.
    private func deliver() {
        while descriptor >= 0, let feed = input.firstIndex(of: 10) {
            var line = Array(input[..<feed])
            input.removeFirst(feed + 1)
            if line.last == 13 { line.removeLast() }
            if !line.isEmpty, client?.deliver(line.span) != true { end() }
        }
        if input.count > most { end() }
    }

    /// Closes the connection at once.
    private func end() {
        guard descriptor >= 0 else { return }
        watch?.stop()
        closeSocket()
        onEnd(self)
        // Nothing happens where the gateway has dropped it already.
        client?.closed()
    }
}
