// SPDX-License-Identifier: Apache-2.0
// jf.seal/1 and jf.http/1 as other plugins would offer them, for tests.

import CJackfield

private func bytes(_ view: jf_view) -> [UInt8] {
    Array(UnsafeBufferPointer(start: view.ptr, count: view.ptr == nil ? 0 : Int(view.len)))
}

private func text(_ view: jf_view) -> String { String(decoding: bytes(view), as: UTF8.self) }

/// An owned copy.
private func blob(_ text: String) -> jf_blob {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count + 1)
    _ = copy.initialize(from: text.utf8)
    return jf_blob(
        ptr: UnsafePointer(copy.baseAddress), len: UInt64(text.utf8.count), owner: copy.baseAddress,
        drop: { $0?.deallocate() })
}

/// "bound:plain"
func fakeSeal(
    _ context: UnsafeMutableRawPointer?, _ plain: jf_view, _ bound: jf_view,
    _ sealed: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    sealed?.pointee = blob("\(text(bound)):\(text(plain))")
    return Int32(JF_OK)
}

func fakeOpen(
    _ context: UnsafeMutableRawPointer?, _ sealed: jf_view, _ bound: jf_view,
    _ plain: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    let prefix = text(bound) + ":"
    guard text(sealed).hasPrefix(prefix) else {
        why?.pointee.code = Int32(JF_E_INVALID)
        why?.pointee.flags = UInt32(JF_FAULT_PUBLIC)
        why?.pointee.text_len = 6
        withUnsafeMutableBytes(of: &why!.pointee.text) { $0.copyBytes(from: "forged".utf8) }
        return Int32(JF_E_INVALID)
    }
    plain?.pointee = blob(String(text(sealed).dropFirst(prefix.count)))
    return Int32(JF_OK)
}

/// An HTTP plugin whose network is the test.
final class FakeHTTP {
    let table = UnsafeMutablePointer<jf_http_1>.allocate(capacity: 1)
    var seen: [String] = []
    var responses: [String] = []
    var abandoned = 0
    var unmounted = 0
    private var done: [(jf_http_done_fn, UnsafeMutableRawPointer?)] = []
    private var serve: (jf_http_serve_fn, UnsafeMutableRawPointer?)?

    init() {
        table.initialize(
            to: jf_http_1(
                size: UInt32(MemoryLayout<jf_http_1>.size), flags: 0,
                context: Unmanaged.passUnretained(self).toOpaque(), mount: fakeMount, unmount: fakeUnmount,
                respond: fakeRespond, request: fakeRequest, abandon: fakeAbandon))
    }

    deinit { table.deallocate() }

    static func behind(_ context: UnsafeMutableRawPointer?) -> FakeHTTP {
        Unmanaged<FakeHTTP>.fromOpaque(context!).takeUnretainedValue()
    }

    /// Ends the oldest request.
    func answer(_ status: Int32, _ body: String) {
        guard let (done, user) = self.done.first else { return }
        self.done.removeFirst()
        lend(body) { body in
            lend("n") { name in
                lend("t") { value in
                    var header = jf_pair(name: name, value: value)
                    withUnsafePointer(to: &header) { header in
                        var response = jf_http_response(
                            size: UInt32(MemoryLayout<jf_http_response>.size), flags: 0, status: status,
                            reserved: 0, body: body, headers: header, header_count: 1)
                        done(user, 1, &response)
                    }
                }
            }
        }
    }

    /// A client asks for a mounted path.
    func arrive(_ url: String) {
        guard let (serve, user) = serve else { return }
        lend(url) { url in
            lend("GET") { method in
                lend("B") { body in
                    var request = jf_http_request()
                    request.size = UInt32(MemoryLayout<jf_http_request>.size)
                    request.exchange = 5
                    request.method = method
                    request.url = url
                    request.body = body
                    serve(user, &request)
                }
            }
        }
    }

    fileprivate func mount(
        _ path: String, _ serve: @escaping jf_http_serve_fn, _ user: UnsafeMutableRawPointer?
    )
        -> Int32
    {
        if path == "/taken" { return Int32(JF_E_BUSY) }
        self.serve = (serve, user)
        return Int32(JF_OK)
    }

    fileprivate func request(
        _ request: jf_http_request, _ done: @escaping jf_http_done_fn, _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        if text(request.url) == "bad" { return Int32(JF_E_INVALID) }
        self.done.append((done, user))
        if request.header_count > 0, let header = request.headers?.pointee {
            seen.append(
                "\(text(request.method)) \(text(request.url)) \(text(header.name))=\(text(header.value)) "
                    + "\(text(request.body)) \(request.timeout_ns)")
        }
        return Int32(JF_OK)
    }

    fileprivate func abandon() {
        abandoned += 1
        if !done.isEmpty { done.removeLast() }
    }
}

private func lend(_ text: String, _ body: (jf_view) -> Void) {
    var text = text
    text.withUTF8 { body(jf_view(ptr: $0.baseAddress, len: UInt64($0.count))) }
}

private func fakeMount(
    _ context: UnsafeMutableRawPointer?, _ path: jf_view, _ serve: jf_http_serve_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    out?.pointee = 3
    return FakeHTTP.behind(context).mount(text(path), serve!, user)
}

private func fakeUnmount(_ context: UnsafeMutableRawPointer?, _ mount: jf_ref) {
    if mount == 3 { FakeHTTP.behind(context).unmounted += 1 }
}

private func fakeRespond(
    _ context: UnsafeMutableRawPointer?, _ exchange: jf_ref, _ response: UnsafePointer<jf_http_response>?
) -> Int32 {
    guard exchange == 5, let response = response?.pointee else { return Int32(JF_E_STALE) }
    let more = response.flags & UInt32(JF_HTTP_MORE) != 0 ? " more" : ""
    FakeHTTP.behind(context).responses.append("\(response.status) \(response.body.len)\(more)")
    return Int32(JF_OK)
}

private func fakeRequest(
    _ context: UnsafeMutableRawPointer?, _ request: UnsafePointer<jf_http_request>?, _ done: jf_http_done_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    out?.pointee = 1
    return FakeHTTP.behind(context).request(request!.pointee, done!, user)
}

private func fakeAbandon(_ context: UnsafeMutableRawPointer?, _ request: jf_ref) {
    FakeHTTP.behind(context).abandon()
}
