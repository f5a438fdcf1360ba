// SPDX-License-Identifier: Apache-2.0
// One call: who asked, whom we asked, and how far it has come. Pooled, so that a call allocates nothing in steady state.

import CJackfield
import MCP

/// How an internal request ended; spans inside are valid during the callback only.
enum InternalAnswer {
    case result(Envelope, jf_message)
    case error(Envelope, jf_message)
    /// The exchange ended without a JSON-RPC answer: the transport's status, or why it failed.
    case status(Int32)
    case failed(String, retry: UInt32)
    case timedOut
}

/// A call under way on one lane.
final class Call {
    enum Origin: UInt8 {
        /// Free in the pool.
        case none
        /// A client's request.
        case client
        /// A plugin's `jf.calls/1`.
        case plugin
        /// The gateway's own: probes, handshakes, listings.
        case supervision
        /// Another lane's call on a channel that only this lane has.
        case relay
        /// A call that became a task: its client has gone on, the task table keeps the outcome.
        case task
        /// The gateway's own for several callers that ask the same.
        case shared
        /// A second try beside another call's first, which gets its answer.
        case hedge
    }

    /// `asking`: the server waits for an answer of the client's user, or the client for its turn to send one.
    enum Phase: UInt8 { case idle, sent, asking, answered }

    unowned let lane: Lane
    var handle: UInt64 = 0
    var origin = Origin.none
    var phase = Phase.idle

    // The client's side.
    var client: Client?
    var exchange: jf_ref = 0
    private(set) var id: UnsafeMutableRawBufferPointer
    private var idCount = 0
    var revision = Revision.newest
    var session: Session?
    var acceptsStream = false
    /// A message was sent ahead of the answer: the exchange is an event stream now.
    var isStreaming = false
    var clientIsGone = false
    /// The client reads too slowly: notifications are left out until it caught up.
    var isStalled = false
    /// The number of its stream among those that its session can resume; 0: none.
    var replayStream: UInt32 = 0
    /// The client's progress token, raw JSON; empty when it asked for no progress.
    var progressToken: [UInt8] = []
    /// The least severe log messages that the client wants to see; nil: none, or what the server chooses.
    var logLevel: LogLevel?
    /// What the client can be asked.
    var abilities: Abilities = []
    var previous: Call?
    var next: Call?

    /// Whom the call is made for; sessions and states of others stay out of reach.
    var caller = Principal.nobody
    /// A policy or a filter has yet to answer.
    var admission: Admission?
    /// The endpoint's path, where policies or filters may want it.
    var path = "/mcp"
    /// The tool that policies were asked about.
    var tool: Lane.Target?
    /// What filters have to do with it; nil: none wants to see it.
    var passing: Passing?
    /// Scopes that would let it through; nil: it does not fail for want of them.
    var neededScopes: String?
    /// The endpoint shows several servers: questions say which one asks.
    var namesServer = false

    // The server's side.
    var method = Method.unknown
    var target: Lane.Target?
    var server: Server?
    /// Counted in its `openCalls`.
    var link: ServerLink?
    /// The strategy that picked the endpoint, which hears of the outcome.
    private(set) var picker: RoutingBinding?
    var endpoint: Endpoint?
    var channel: Channel?
    var serverIsModern = false
    /// How structured results are shown, and other resources of the server, by its own URIs, where clients know them by
    /// others.
    var structured = StructuredShape.asIs
    var shownURIs: [String: String] = [:]
    /// The session with a legacy server that this call uses instead of the endpoint's first one.
    var upstream: UpstreamSession?
    /// Its place among the calls of that session.
    var upstreamSlot = 0
    /// Cancelled by whoever asked, which is nobody's failure.
    var isGivenUp = false
    /// The call that it waits for, or (`.shared`) that it is; and the cache fields of an answer that was kept.
    var flight: Flight?
    var shownCache: CachePolicy?
    /// It changes what others read: its server's kept answers are given up.
    var clearsAnswers = false
    /// The shown URI where it differs from the server's own, so that the answer can be put right.
    var shownURI: String?
    /// The client's message, padded, kept only where the call may have to be sent again: after a lost session, after a
    /// wait for one, or with answers to questions.
    var request: [UInt8] = []
    /// Questions to the client and rounds; nil for the many calls that are never asked anything.
    var dialogue: Dialogue?
    /// Tries before this one, and since when it is under way.
    var attempt: UInt32 = 0
    var triedAt: UInt64 = 0
    /// Endpoints that earlier tries went to: a bit for each of the first 64.
    var tried: UInt64 = 0
    var traits: CallTraits = []
    /// When it is late and made at a second endpoint: a timer; .max: that time is over; 0: it never is.
    var hedgeTimer: UInt64 = 0
    /// That second try, or for that one, the call it is made for.
    var hedging: Hedging?
    /// Its server's progress extends its deadline.
    var stretch: Stretch?
    /// Its session was replaced once.
    var isRenewed = false
    /// `.relay`: it failed before its server began with it.
    var isUntouched = false
    /// Its endpoint gave no answer, which counts against it. What is lost with a whole channel does not: that is its
    /// supervision's business.
    var isUnanswered = false
    /// It finds out whether its endpoint, whose breaker was open, is well again.
    var isTrial = false
    /// Its answer was an error; only noted where a rollout counts that.
    var isToolError = false
    var epoch = 0
    /// What its record will say.
    var audit = CallAudit()
    /// Counted in the server's `inFlight`, and in its channel's.
    var countsAtServer = false
    /// What it is counted under beside, where a bound holds for single tools; and whether it waits for room.
    var roomName: String?
    var roomClient: RoomClient?
    var isQueued = false
    var isOnChannel = false
    /// The server was asked for the log level that the client wants.
    var isLevelled = false
    var endpointIndex = 0
    // Tasks.
    /// A legacy client asked for a task.
    var taskWish: TaskWish?
    /// The kept task that this call runs for, and the one whose result it waits for; 0: none.
    var task: UInt64 = 0
    var awaitedTask: UInt64 = 0
    /// The timer that makes a task of a long call; 0: none.
    var promotion: UInt64 = 0
    /// A legacy server was asked for a task, and the id of the one that a server made.
    var wantsServerTask = false
    var upstreamTask: String?
    /// The handle under which the server tells of progress, where the call has another by now; 0: its own.
    var progressHandle: UInt64 = 0
    /// The id, as the client knows it, of the server's task that the call is about.
    var taskId: String?
    /// It carries answers: its result is never cacheable.
    var isRetry = false
    /// What a legacy server asked for and this client did not declare: `requiredCapabilities`, raw JSON.
    var lacking: [UInt8] = []
    /// Rounds of -32042 that led to this call.
    var urlRounds = 0
    /// How its server refused what was shown, how often, and how a request of the gateway's own is made again.
    var refusal: UpstreamRefusal?
    var refusals: UInt32 = 0
    var repeats: ((UpstreamRefusal) -> Void)?
    /// It goes on a session of its principal's own.
    var isPersonal = false

    var timer: UInt64 = 0
    var startedAt: UInt64 = 0
    var deadline: UInt64 = 0

    // Other origins.
    var handler: ((InternalAnswer) -> Void)?
    var done: jf_call_done_fn?
    /// Instead of `done`, for `Gateway.ask`.
    var completion: (@Sendable (AskedAnswer) -> Void)?
    var user: UnsafeMutableRawPointer?
    /// Where the server's channel is, when that is another lane.
    var home: Lane?
    /// `.relay`: the lane that asked, and its call there.
    var asker: Lane?
    var askerHandle: UInt64 = 0

    init(lane: Lane) {
        self.lane = lane
        id = .allocate(byteCount: 64, alignment: 8)
    }

    deinit { id.deallocate() }

    /// The client's id, raw JSON.
    var clientId: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(id)[0..<idCount])
    }

    func setClientId(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count > id.count {
            id.deallocate()
            id = .allocate(byteCount: bytes.count, alignment: 8)
        }
        id.copyBytes(from: bytes)
        idCount = bytes.count
    }

    /// What names its principal; empty: nobody.
    var principal: String { caller.key }

    func picked(by binding: RoutingBinding?) {
        binding?.take()
        picker?.release()
        picker = binding
    }

    /// Back to the state of a fresh object; buffers are kept.
    func recycle() {
        origin = .none
        phase = .idle
        client = nil
        exchange = 0
        idCount = 0
        session = nil
        acceptsStream = false
        isStreaming = false
        clientIsGone = false
        replayStream = 0
        isStalled = false
        if !progressToken.isEmpty { progressToken.removeAll(keepingCapacity: true) }
        logLevel = nil
        abilities = []
        if caller !== Principal.nobody { caller = .nobody }
        if admission != nil { admission = nil }
        if tool != nil { tool = nil }
        if passing != nil { passing = nil }
        if neededScopes != nil { neededScopes = nil }
        namesServer = false
        previous = nil
        next = nil
        method = .unknown
        target = nil
        server = nil
        link = nil
        if picker != nil { picked(by: nil) }
        isGivenUp = false
        endpoint = nil
        channel = nil
        serverIsModern = false
        upstream = nil
        structured = .asIs
        if !shownURIs.isEmpty { shownURIs = [:] }
        if flight != nil { flight = nil }
        if shownCache != nil { shownCache = nil }
        clearsAnswers = false
        shownURI = nil
        if request.capacity > 64 * 1024 {
            request = []
        } else if !request.isEmpty {
            request.removeAll(keepingCapacity: true)
        }
        dialogue = nil
        attempt = 0
        triedAt = 0
        tried = 0
        traits = []
        if hedgeTimer != 0 { hedgeTimer = 0 }
        if hedging != nil { hedging = nil }
        if stretch != nil { stretch = nil }
        isRenewed = false
        isUntouched = false
        isUnanswered = false
        isTrial = false
        if isToolError { isToolError = false }
        epoch = 0
        if audit.rule != nil { audit.rule = nil }
        countsAtServer = false
        roomName = nil
        if roomClient != nil { roomClient = nil }
        isQueued = false
        isOnChannel = false
        isLevelled = false
        endpointIndex = 0
        taskWish = nil
        task = 0
        awaitedTask = 0
        promotion = 0
        wantsServerTask = false
        upstreamTask = nil
        progressHandle = 0
        taskId = nil
        isRetry = false
        if !lacking.isEmpty { lacking = [] }
        urlRounds = 0
        if refusals != 0 || refusal != nil {
            refusal = nil
            refusals = 0
        }
        if repeats != nil { repeats = nil }
        if isPersonal { isPersonal = false }
        timer = 0
        deadline = 0
        handler = nil
        done = nil
        completion = nil
        user = nil
        home = nil
        asker = nil
        askerHandle = 0
    }
}

/// A connected client on one lane: an HTTP connection, or the one client of stdio.
final class Client {
    let instance: PluginInstance
    var handle: UInt64 = 0
    let isShared: Bool
    let address: String
    /// The gateway ends with this client (stdio).
    let isSole: Bool
    /// Its listener encrypts the connection, and verified this certificate (DER); empty: it showed none.
    var isSecure = false
    var certificate: [UInt8] = []
    /// A shared channel: the session that `initialize` opened on it.
    var session: Session?
    var inFlight = 0
    var isOpen = true
    /// Its listener was asked to close the connection.
    var isLeaving = false
    /// Calls under way, for cancellation and for the end of the connection.
    var firstCall: Call?

    /// It is on this machine.
    let isLocal: Bool

    init(_ instance: PluginInstance, isShared: Bool, isSole: Bool, address: String) {
        isLocal =
            isSole || address.hasPrefix("127.") || address.hasPrefix("[::1]:") || address.hasPrefix("unix")
        self.instance = instance
        self.isShared = isShared
        self.isSole = isSole
        self.address = address
    }

    func link(_ call: Call) {
        call.next = firstCall
        firstCall?.previous = call
        firstCall = call
        inFlight += 1
    }

    func unlink(_ call: Call) {
        call.previous?.next = call.next
        call.next?.previous = call.previous
        if firstCall === call { firstCall = call.next }
        call.previous = nil
        call.next = nil
        inFlight -= 1
    }
}

/// A lane's way to one endpoint of a server.
final class Channel {
    let instance: PluginInstance
    let server: Server
    let endpoint: Endpoint
    var handle: UInt64 = 0
    /// The plugin's own handle.
    var remote: jf_ref = 0
    /// JF_CHANNEL_* bits, known once it is ready.
    var flags: UInt32 = 0
    var isReady = false
    var isClosing = false
    /// The supervision that reads what no call owns; only on the home lane.
    weak var supervisor: Supervisor?
    /// The session that has this channel to itself, beside the supervised one.
    weak var upstream: UpstreamSession?
    /// Calls that were sent on it and are not over.
    var inFlight = 0
    /// Where what it shows its server comes from; nil: from its own options.
    var credentials: CredentialsBinding?

    init(_ instance: PluginInstance, _ server: Server, _ endpoint: Endpoint) {
        self.instance = instance
        self.server = server
        self.endpoint = endpoint
    }

    var isShared: Bool { flags & UInt32(JF_CHANNEL_SHARED) != 0 }
    var isToolset: Bool { instance.connector == nil }
}
