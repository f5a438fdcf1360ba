// SPDX-License-Identifier: Apache-2.0
// Driving a store.

import CJackfield
import CMockHost
import JackfieldPlugin

extension MockHost {
    /// The store, as the gateway asks it.
    public var store: MockStore { MockStore(host: self) }
}

/// A store as the gateway asks it. ``MockRequest/wait(timeout:)`` says how an operation ended.
public struct MockStore {
    let host: MockHost

    /// The entry of a key.
    public func get(_ key: String) -> MockRequest {
        request { withView(key) { jf_mock_store_get(host.mock, $0) } }
    }

    /// Keeps a value.
    public func put(
        _ key: String, _ value: String, condition: StorePut.Condition = .none, ttlMilliseconds: UInt64 = 0
    ) -> MockRequest {
        request {
            withView(key) { key in
                withView(value) { value in
                    var put = jf_store_put()
                    put.size = UInt32(MemoryLayout<jf_store_put>.size)
                    put.key = key
                    put.value = value
                    put.ttl_ms = ttlMilliseconds
                    switch condition {
                    case .none: break
                    case .create: put.flags = UInt32(JF_STORE_CREATE)
                    case .match(let revision):
                        put.flags = UInt32(JF_STORE_MATCH)
                        put.revision = revision
                    }
                    return jf_mock_store_put(host.mock, &put)
                }
            }
        }
    }

    /// Forgets a key.
    public func remove(_ key: String, revision: UInt64 = 0) -> MockRequest {
        request { withView(key) { jf_mock_store_remove(host.mock, $0, revision) } }
    }

    /// Keys in their order.
    public func list(prefix: String = "", most: UInt64 = 100) -> MockRequest {
        request {
            withView(prefix) { prefix in
                var list = jf_store_list()
                list.size = UInt32(MemoryLayout<jf_store_list>.size)
                list.prefix = prefix
                list.most = most
                return jf_mock_store_list(host.mock, &list)
            }
        }
    }

    /// Adds to a counter.
    public func add(_ key: String, _ delta: Int64) -> MockRequest {
        request {
            withView(key) { key in
                var add = jf_store_add()
                add.size = UInt32(MemoryLayout<jf_store_add>.size)
                add.key = key
                add.delta = delta
                return jf_mock_store_add(host.mock, &add)
            }
        }
    }

    /// Takes one token from a bucket, in whole tokens.
    public func take(_ key: String, burst: UInt64, rate: UInt64, periodMilliseconds: UInt64) -> MockRequest {
        request {
            withView(key) { key in
                var limit = jf_store_limit(
                    key: key, kind: UInt32(JF_LIMIT_BUCKET), reserved: 0, burst: burst * 1000,
                    rate: rate * 1000,
                    period_ms: periodMilliseconds, cost: 1000)
                return jf_mock_store_take(host.mock, &limit, 1)
            }
        }
    }

    /// The entries of an answer.
    public func entries(of request: MockRequest) -> [StoreEntry] {
        let op = jf_mock_op_at(host.mock, request.handle)
        var entries: [StoreEntry] = []
        var offset: UInt64 = 0
        var head = jf_store_entry()
        var key = jf_view()
        var value = jf_view()
        while jf_mock_store_next(op.result, op.length, &offset, &head, &key, &value) {
            entries.append(
                StoreEntry(
                    key: bytes(key), value: bytes(value), revision: head.revision,
                    expiresMilliseconds: head.expires_ms > 0 ? head.expires_ms : nil))
        }
        return entries
    }

    /// The verdict of ``take(_:burst:rate:periodMilliseconds:)``; nil: it failed.
    public func verdict(of request: MockRequest) -> StoreVerdict? {
        let op = jf_mock_op_at(host.mock, request.handle)
        guard let result = op.result, op.length >= UInt64(MemoryLayout<jf_store_verdict>.size) else {
            return nil
        }
        let raw = UnsafeRawPointer(result).loadUnaligned(as: jf_store_verdict.self)
        return StoreVerdict(fits: raw.fits == 1, retryMilliseconds: raw.retry_ms, left: raw.left)
    }

    private func request(_ begin: () -> jf_ref) -> MockRequest { MockRequest(host: host, handle: begin()) }

    private func bytes(_ view: jf_view) -> [UInt8] {
        Array(UnsafeBufferPointer(start: view.ptr, count: view.ptr == nil ? 0 : Int(clamping: view.len)))
    }
}

/// Lends the text's bytes for the call.
private func withView<Answer>(_ text: String, _ body: (jf_view) -> Answer) -> Answer {
    var text = text
    return text.withUTF8 { bytes in
        body(jf_view(ptr: bytes.baseAddress ?? UnsafePointer(bitPattern: 1), len: UInt64(bytes.count)))
    }
}
