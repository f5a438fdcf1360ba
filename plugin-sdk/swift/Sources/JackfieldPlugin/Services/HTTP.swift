// SPDX-License-Identifier: Apache-2.0
// HTTP through the plugin that offers jf.http/1: requests, and paths on the gateway's HTTP listeners.

import CJackfield

/// Header fields in order; names in lower case.
public typealias HTTPHeaders = [(name: String, value: String)]

/// A request to make.
public struct HTTPRequest: Sendable {
    /// "GET"
    public var method: String
    /// Absolute: "https://example.com/keys".
    public var url: String
    /// Header fields.
    public var headers: HTTPHeaders
    /// The body; empty: none.
    public var body: [UInt8]
    /// When to give up.
    public var timeout: Duration

    /// A request.
    public init(
        _ method: String = "GET", _ url: String, headers: HTTPHeaders = [], body: [UInt8] = [],
        timeout: Duration = .seconds(30)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }
}

/// A response, got or given.
public struct HTTPResponse: Sendable {
    /// 200 and the like.
    public var status: Int
    /// Header fields.
    public var headers: HTTPHeaders
    /// The body.
    public var body: [UInt8]

    /// A response.
    public init(_ status: Int = 200, headers: HTTPHeaders = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response with a text.
    public static func text(
        _ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8"
    ) -> HTTPResponse {
        HTTPResponse(status, headers: [("content-type", type)], body: Array(text.utf8))
    }
}

/// A request of the plugin's own that is under way. Confined to the lane.
public final class RunningRequest: Lease {
    private let services: HostServices
    private var done: ((Result<HTTPResponse, PluginError>) -> Void)?
    fileprivate var handle: jf_ref = 0

    fileprivate init(_ services: HostServices, _ done: @escaping (Result<HTTPResponse, PluginError>) -> Void)
    {
        self.services = services
        self.done = done
    }

    /// Gives the request up and releases its closure, which is not called any more. Harmless when it is over.
    /// [lane]
    public func abandon() {
        guard services.leases.removeValue(forKey: ObjectIdentifier(self)) != nil else { return }
        end()
    }

    func end() {
        guard done != nil, let http = services.httpService else { return }
        done = nil
        http.abandon?(http.context, handle)
        // What `requestDone` will not take back any more.
        Unmanaged.passUnretained(self).release()
    }

    fileprivate func finish(_ response: jf_http_response) {
        services.leases.removeValue(forKey: ObjectIdentifier(self))
        guard let done else { return }
        self.done = nil
        if response.status < 0 {
            return done(
                .failure(
                    PluginError(
                        .init(status: response.status), response.body.text ?? "the HTTP request failed")))
        }
        done(
            .success(
                HTTPResponse(
                    Int(response.status), headers: headers(response.headers, response.header_count),
                    body: Array(response.body.bytes))))
    }
}

/// A path that the plugin serves. Confined to the lane.
public final class HTTPMount: Lease {
    private let services: HostServices
    fileprivate var serve: ((HTTPExchange) -> Void)?
    fileprivate var handle: jf_ref = 0

    fileprivate init(_ services: HostServices, _ serve: @escaping (HTTPExchange) -> Void) {
        self.services = services
        self.serve = serve
    }

    /// Serves the path no longer and releases the closure. [lane]
    public func unmount() {
        guard services.leases.removeValue(forKey: ObjectIdentifier(self)) != nil else { return }
        end()
    }

    func end() {
        guard serve != nil, let http = services.httpService else { return }
        serve = nil
        http.unmount?(http.context, handle)
    }

    fileprivate func arrived(_ request: jf_http_request) {
        guard let serve, let http = services.httpService else { return }
        serve(HTTPExchange(services, http, request))
    }
}

/// A client's request to a mounted path: the duty to answer it. One that is released without an answer is
/// answered with 500. Confined to the lane.
public final class HTTPExchange {
    private let services: HostServices
    private let http: jf_http_1
    private let handle: jf_ref
    private var isOver = false
    /// "GET"
    public let method: String
    /// Path and query as received.
    public let url: String
    /// The client's address.
    public let peer: String
    /// Header fields.
    public let headers: HTTPHeaders
    /// The body.
    public let body: [UInt8]

    fileprivate init(_ services: HostServices, _ http: jf_http_1, _ request: jf_http_request) {
        self.services = services
        self.http = http
        handle = request.exchange
        method = request.method.text ?? ""
        url = request.url.text ?? ""
        peer = request.peer.text ?? ""
        headers = JackfieldPlugin.headers(request.headers, request.header_count)
        body = Array(request.body.bytes)
    }

    deinit {
        if !isOver { respond(HTTPResponse(500)) }
    }

    /// Answers, or sends a part of the answer: with `more` its body goes on with further calls, whose status
    /// and headers are not looked at. False: the client left, or it was answered already. [lane]
    @discardableResult
    public func respond(_ response: HTTPResponse, more: Bool = false) -> Bool {
        guard !isOver, services.isRunning, let respond = http.respond else { return false }
        if !more { isOver = true }
        let status = withPairs(response.headers.map { ($0.name, $0.value) }) { pairs in
            response.body.withUnsafeBufferPointer { body in
                var answer = jf_http_response(
                    size: UInt32(MemoryLayout<jf_http_response>.size),
                    flags: more ? UInt32(JF_HTTP_MORE) : 0, status: Int32(clamping: response.status),
                    reserved: 0, body: jf_view(body), headers: pairs.baseAddress,
                    header_count: UInt64(pairs.count))
                return respond(http.context, handle, &answer)
            }
        }
        if status != JF_OK { isOver = true }
        return status == JF_OK
    }
}

/// HTTP for plugins. Confined to the lane.
public struct HTTPService {
    private let services: HostServices
    private let table: jf_http_1

    fileprivate init(_ services: HostServices, _ table: jf_http_1) {
        self.services = services
        self.table = table
    }

    /// Makes a request; `done` is called once with its end, never from inside this. Not at all when it is
    /// abandoned or the plugin stops before. A response has at most 4 MiB. [lane]
    /// - Throws: ``PluginError`` when the request cannot be begun.
    @discardableResult
    public func request(
        _ request: HTTPRequest, _ done: @escaping (Result<HTTPResponse, PluginError>) -> Void
    ) throws -> RunningRequest {
        guard let begin = table.request, table.abandon != nil, services.isRunning else {
            throw PluginError(.unsupported, "no HTTP requests can be made")
        }
        let running = RunningRequest(services, done)
        let user = Unmanaged.passRetained(running)
        var texts = JoinedTexts()
        texts.append(request.method)
        texts.append(request.url)
        var fault = jf_fault.empty()
        let status = texts.withViews { views in
            withPairs(request.headers.map { ($0.name, $0.value) }) { pairs in
                request.body.withUnsafeBufferPointer { body in
                    var outgoing = jf_http_request()
                    outgoing.size = UInt32(MemoryLayout<jf_http_request>.size)
                    outgoing.timeout_ns = request.timeout.nanoseconds
                    outgoing.method = views[0]
                    outgoing.url = views[1]
                    if !body.isEmpty { outgoing.body = jf_view(body) }
                    outgoing.headers = pairs.baseAddress
                    outgoing.header_count = UInt64(pairs.count)
                    return begin(
                        table.context, &outgoing, requestDone, user.toOpaque(), &running.handle, &fault)
                }
            }
        }
        guard status == JF_OK else {
            user.release()
            throw PluginError(status, fault, "the request to \(request.url) could not be begun")
        }
        services.leases[ObjectIdentifier(running)] = running
        return running
    }

    /// Serves a path (exact, or a prefix when it ends with "/") on every HTTP listener of this loop, until
    /// the mount is taken away or the plugin stops. The longest match wins. [lane]
    /// - Throws: ``PluginError/Code/busy`` when the path is taken.
    @discardableResult
    public func mount(_ path: String, _ serve: @escaping (HTTPExchange) -> Void) throws -> HTTPMount {
        guard let mount = table.mount, table.unmount != nil, services.isRunning else {
            throw PluginError(.unsupported, "no HTTP paths can be served")
        }
        let mounted = HTTPMount(services, serve)
        let user = Unmanaged.passUnretained(mounted).toOpaque()
        let status = withView(path) { mount(table.context, $0, requestArrived, user, &mounted.handle) }
        guard status == JF_OK else {
            throw PluginError(.init(status: status), "the path \(path) cannot be served")
        }
        services.leases[ObjectIdentifier(mounted)] = mounted
        return mounted
    }
}

extension Host {
    /// HTTP; nil: no plugin offers `jf.http/1`, or the manifest does not list it. [lane]
    public var http: HTTPService? { services.httpService.map { HTTPService(services, $0) } }
}

private func headers(_ pairs: UnsafePointer<jf_pair>?, _ count: UInt64) -> HTTPHeaders {
    guard let pairs else { return [] }
    return (0..<Int(clamping: count)).map { (pairs[$0].name.text ?? "", pairs[$0].value.text ?? "") }
}

private func requestArrived(_ user: UnsafeMutableRawPointer?, _ request: UnsafePointer<jf_http_request>?) {
    guard let user, let request = attach(UnsafeRawPointer(request), jf_http_request()) else { return }
    Unmanaged<HTTPMount>.fromOpaque(user).takeUnretainedValue().arrived(request)
}

private func requestDone(
    _ user: UnsafeMutableRawPointer?, _ handle: jf_ref, _ response: UnsafePointer<jf_http_response>?
) {
    guard let user, let response = attach(UnsafeRawPointer(response), jf_http_response()) else { return }
    Unmanaged<RunningRequest>.fromOpaque(user).takeRetainedValue().finish(response)
}
