// SPDX-License-Identifier: Apache-2.0
// One HTTP request on a connection of its own (RFC 9112), blocking: for `/readyz` and round trips.

import CLinux
import Glibc

/// What came back.
struct PlainResponse: Sendable {
    let status: Int
    let body: [UInt8]
    /// From the request's last byte to the answer's first one, in nanoseconds.
    let roundTrip: UInt64
}

/// Why nothing came back; a clause.
struct PlainFailure: Error {
    let reason: String
}

/// Sends a request and reads the answer, of 1 MiB at most. Only `http` URLs.
///
/// - Parameters:
///   - body: nil: GET; else POST.
///   - readsBody: false: ends with the answer's first bytes.
///   - timeout: nanoseconds, for all of it.
func plainRequest(
    _ endpoint: Endpoint, headers: [(name: String, value: String)] = [], body: String? = nil,
    readsBody: Bool = true,
    timeout: UInt64 = 2_000_000_000
) -> Result<PlainResponse, PlainFailure> {
    guard endpoint.scheme == "http" else { return .failure(PlainFailure(reason: "only http is spoken here")) }
    let deadline = jf_monotonic_ns() + timeout
    var head = "\(body == nil ? "GET" : "POST") \(endpoint.path)\(endpoint.query) HTTP/1.1\r\n"
    head += "Host: \(endpoint.authority)\r\nConnection: close\r\n"
    for header in headers { head += "\(header.name): \(header.value)\r\n" }
    if let body { head += "Content-Length: \(body.utf8.count)\r\n" }
    do throws(PlainFailure) {
        let socket = try PlainSocket(endpoint, deadline: deadline)
        try socket.send(Array((head + "\r\n" + (body ?? "")).utf8))
        let start = jf_monotonic_ns()
        var bytes = try socket.receive()
        let roundTrip = jf_monotonic_ns() - start
        while true {
            if let response = parsed(bytes, roundTrip, isOver: !readsBody) { return .success(response) }
            guard bytes.count < 1 << 20 else { throw PlainFailure(reason: "the answer is larger than 1 MiB") }
            let more = try socket.receive()
            if more.isEmpty {
                guard let response = parsed(bytes, roundTrip, isOver: true) else {
                    throw PlainFailure(reason: "the connection was closed before an answer came")
                }
                return .success(response)
            }
            bytes += more
        }
    } catch {
        return .failure(error)
    }
}

/// The response once its head and, unless the connection is over, its body are there.
private func parsed(_ bytes: [UInt8], _ roundTrip: UInt64, isOver: Bool) -> PlainResponse? {
    var at = 0
    while at + 4 <= bytes.count, !bytes[at...].starts(with: [13, 10, 13, 10]) { at += 1 }
    guard at + 4 <= bytes.count else { return nil }
    let lines = String(decoding: bytes[..<at], as: UTF8.self).split(separator: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
    let body = Array(bytes[(at + 4)...])
    let length = lines.lazy.compactMap { line -> Int? in
        guard line.lowercased().hasPrefix("content-length:") else { return nil }
        return Int(line.dropFirst(15).filter { $0 != " " })
    }.first
    guard isOver || length.map({ body.count >= $0 }) == true else { return nil }
    return PlainResponse(
        status: status, body: length.map { Array(body.prefix($0)) } ?? body, roundTrip: roundTrip)
}

/// A connected TCP socket; closed when it goes out of use.
private struct PlainSocket: ~Copyable {
    private let descriptor: Int32
    private let deadline: UInt64

    init(_ endpoint: Endpoint, deadline: UInt64) throws(PlainFailure) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(endpoint.host, String(endpoint.port ?? 80), &hints, &found)
        guard status == 0, let first = found else {
            throw PlainFailure(
                reason: "cannot find \(endpoint.host): \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(first) }
        var failure = "no address"
        var next: UnsafeMutablePointer<addrinfo>? = first
        while let address = next {
            let opened = socket(address.pointee.ai_family, JF_SOCK_STREAM, 0)
            if opened >= 0 {
                if let why = PlainSocket.connect(opened, address.pointee, deadline) {
                    failure = why
                    close(opened)
                } else {
                    descriptor = opened
                    self.deadline = deadline
                    return
                }
            }
            next = address.pointee.ai_next
        }
        throw PlainFailure(reason: "cannot connect to \(endpoint.authority): \(failure)")
    }

    deinit { close(descriptor) }

    /// Nil: connected.
    private static func connect(_ descriptor: Int32, _ address: addrinfo, _ deadline: UInt64) -> String? {
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return nil }
        guard jf_errno() == EINPROGRESS else { return String(cString: strerror(jf_errno())) }
        guard ready(descriptor, POLLOUT, deadline) else { return "timed out" }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    /// Waits until the socket can be used; false: the time is up.
    private static func ready(_ descriptor: Int32, _ events: Int32, _ deadline: UInt64) -> Bool {
        while true {
            let now = jf_monotonic_ns()
            guard now < deadline else { return false }
            var wanted = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&wanted, 1, Int32((deadline - now) / 1_000_000 + 1))
            if count > 0 { return true }
            if count < 0, jf_errno() != EINTR { return false }
        }
    }

    func send(_ bytes: [UInt8]) throws(PlainFailure) {
        var at = 0
        while at < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + at, $0.count - at) }
            if count > 0 {
                at += count
            } else if jf_errno() == EAGAIN {
                guard PlainSocket.ready(descriptor, POLLOUT, deadline) else {
                    throw PlainFailure(reason: "timed out")
                }
            } else if jf_errno() != EINTR {
                throw PlainFailure(reason: String(cString: strerror(jf_errno())))
            }
        }
    }

    /// The next bytes; empty: the peer has closed.
    func receive() throws(PlainFailure) -> [UInt8] {
        var part = [UInt8](repeating: 0, count: 16_384)
        while true {
            guard PlainSocket.ready(descriptor, POLLIN, deadline) else {
                throw PlainFailure(reason: "timed out")
            }
            let count = read(descriptor, &part, part.count)
            if count >= 0 { return Array(part[..<count]) }
            if jf_errno() != EAGAIN, jf_errno() != EINTR {
                throw PlainFailure(reason: String(cString: strerror(jf_errno())))
            }
        }
    }
}
