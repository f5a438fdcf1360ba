// SPDX-License-Identifier: Apache-2.0
// From the configuration's words to the core's plan.

import CLinux
import Configuration
import Glibc
import JackfieldCore

extension GatewayPlan {
    /// What a checked configuration asks the core to run.
    init(_ configuration: Configuration) {
        self.init()
        loops = configuration.runtime.loops ?? Int(jf_cpu_count())
        drainTimeout = configuration.runtime.drainTimeout
        zone = configuration.runtime.zone
        region = configuration.runtime.region
        listeners = configuration.listeners.map {
            ListenerPlan(transport: $0.transport, options: $0.optionsJSON)
        }
        servers = configuration.servers.filter(\.enabled).map { ServerPlan($0) }
        bundles = configuration.bundles.map { BundlePlan($0) }
        plugins = configuration.plugins.map { PluginPlan($0) }
        auth = AuthPlan(configuration.auth)
        policies = configuration.policies.map { ModulePlan($0) }
        filters = configuration.filters.map { ModulePlan($0) }
        tenants = TenantsPlan(configuration)
        if let region { for at in servers.indices { servers[at].runs(in: region) } }
        if let store = configuration.store { self.store = StorePlan(store) }
        audit = configuration.audit.map { AuditPlan($0) }
        folder = absoluteFolder(configuration.folder)
        switch configuration.naming.prefix {
        case .always: naming.prefix = .always
        case .onConflict: naming.prefix = .onConflict
        case .never: naming.prefix = .never
        }
        naming.separator = configuration.naming.separator
        naming.maxLength = configuration.naming.maxLength
        limits = LimitsPlan(configuration.limits)
        limits.startupWait = configuration.runtime.startupWait
        swap.trial = configuration.runtime.swapTrial
        swap.budget.calls = UInt64(configuration.runtime.swapCalls)
        swap.budget.excess = configuration.runtime.swapFailures
        swap.generations = configuration.runtime.pluginGenerations
        slow.moves = configuration.runtime.slowAction == .move
        slow.strikes = configuration.runtime.slowStrikes
        slow.window = configuration.runtime.slowWindow
        transport.message = configuration.limits.message
        transport.header = configuration.limits.header
        tasks.promoteAfter = configuration.tasks.promoteAfter
        tasks.ttl = configuration.tasks.ttl
        tasks.pollInterval = configuration.tasks.pollInterval
    }
}

/// A folder's path from the root. What cannot be resolved stays as it is.
func absoluteFolder(_ folder: String) -> String {
    guard let real = realpath(folder, nil) else { return folder }
    defer { free(real) }
    return String(cString: real)
}

extension LimitsPlan {
    init(_ limits: Configuration.Limits) {
        self.init()
        message = limits.message
        depth = limits.depth
        callsPerClient = limits.callsPerClient
        callsPerServer = limits.callsPerServer
        calls = limits.calls
        sessions = limits.sessions
        principals = limits.principals
        pageSize = limits.pageSize
        callTimeout = limits.callTimeout
        streams = limits.streams
        subscriptionsPerStream = limits.subscriptionsPerStream
        replay = limits.replay
        parkedCalls = limits.parkedCalls
        parkedAge = limits.parkedAge
        parkedBytes = limits.parkedBytes
        rounds = limits.rounds
        questionsPerCall = limits.questionsPerCall
        upstreamSessions = limits.upstreamSessions
        upstreamIdle = limits.upstreamIdle
        tasks = limits.tasks
        taskBytes = limits.taskBytes
    }
}

extension ServerPlan {
    init(_ server: Configuration.Server) {
        self.init(name: server.name)
        if case .plugin(let id) = server.kind { plugin = id }
        endpoints = server.endpoints.map { EndpointPlan($0) }
        switch server.era {
        case .auto: era = .auto
        case .modern: era = .modern
        case .legacy: era = .legacy
        case .pinned(let version): era = .pinned(version)
        }
        timeout = server.timeout
        longestTimeout = server.longestTimeout
        tools = SelectionPlan(server.tools)
        resources = SelectionPlan(server.resources)
        prompts = SelectionPlan(server.prompts)
        for alias in server.aliases { tools.aliases[alias.name] = alias.tool }
        prefix = server.prefix
        keepStale = server.keepStale
        switch server.cacheScope {
        case .auto: cacheScope = .auto
        case .public: cacheScope = .public
        case .private: cacheScope = .private
        }
        // The protocol counts it in milliseconds.
        cacheTTL = server.cacheTTL.map { $0 / 1_000_000 }
        breaker = BreakerPlan(server.breaker)
        retry = RetryPlan(server.retry)
        hedge = server.hedge.map { HedgePlan($0) }
        room = RoomPlan(server.bulkhead)
        health = HealthPlan(server.health)
        objective = server.objective.map { ObjectivePlan($0) }
        reuse = ReusePlan(server.responseCache, server.coalesce)
        rollout = server.rollout.map { RolloutPlan($0) }
        versions = server.versions.map { VersionsPlan($0) }
        credentials = server.credentials.map { ModulePlan($0) }
        scopes = server.scopes
        strategy = server.routing.strategy
        strategyOptions = server.routing.optionsJSON
    }
}

extension EndpointPlan {
    init(_ endpoint: Configuration.Endpoint) {
        self.init(options: endpoint.optionsJSON, weight: endpoint.weight)
        standing.priority = endpoint.standing.priority
        standing.zone = endpoint.standing.zone
        standing.region = endpoint.standing.region
        standing.version = endpoint.standing.version
        standing.cost = UInt64(endpoint.standing.cost)
        standing.labels =
            endpoint.standing.labels.map { EndpointStanding.Label(name: $0.name, value: $0.value) }
            + endpoint.standing.tags.map { EndpointStanding.Label(name: $0, value: "") }
    }
}

extension BreakerPlan {
    init(_ breaker: Configuration.Breaker) {
        self.init()
        isEnabled = breaker.enabled
        failures = breaker.failures
        errorRate = breaker.errorRate
        minimumCalls = breaker.minimumCalls
        latency = breaker.latency
        openFor = breaker.openFor
        longest = breaker.longest
        slowStart = breaker.slowStart
    }
}

extension HealthPlan {
    init(_ health: Configuration.Health) {
        self.init()
        interval = health.interval
        timeout = health.timeout
        failures = health.failures
        expectedTools = health.expectedTools
        call = health.tool.map { Call(tool: $0, arguments: health.arguments, expect: health.expect) }
    }
}

extension ObjectivePlan {
    init(_ objective: Configuration.Objective) {
        self.init()
        availability = Double(objective.availability) / 100_000
        latency = objective.latency
    }
}

extension ReusePlan {
    init(_ cache: Configuration.ResponseCache?, _ coalesce: Configuration.Coalesce?) {
        self.init()
        if let cache {
            tools = cache.tools
            resources = cache.resources
            clearedBy = cache.clearedBy
            ttl = cache.ttl
            isPublic = cache.scope == .public
            maxBytes = cache.maxBytes
            maxEntry = cache.maxEntry
            allowsUnannotated = cache.allowUnannotated
        }
        coalescedTools = coalesce?.tools ?? []
        coalescedResources = coalesce?.resources ?? []
    }
}

extension RolloutPlan {
    init(_ rollout: Configuration.Rollout) {
        self.init(version: rollout.version)
        steps = rollout.steps
        every = rollout.every
        switch rollout.sticky {
        case .principal: sticky = .principal
        case .session: sticky = .session
        case .none: sticky = .none
        }
        errorRate = rollout.errorRate
        latency = rollout.latency
        minimumCalls = rollout.minimumCalls
        countsToolErrors = rollout.toolErrors
    }
}

extension VersionsPlan {
    init(_ versions: Configuration.Versions) {
        self.init()
        switch versions.show {
        case .newest: show = .newest
        case .oldest: show = .oldest
        case .version(let version): show = .version(version)
        }
    }
}

extension RetryPlan {
    init(_ retry: Configuration.Retry) {
        self.init()
        attempts = retry.attempts
        backOff = retry.backOff
        longest = retry.longest
        budget = retry.budget
    }
}

extension RoomPlan {
    init(_ bulkhead: Configuration.Bulkhead) {
        self.init()
        calls = bulkhead.calls
        queue = bulkhead.queue
        wait = bulkhead.wait
        perTool = bulkhead.perTool
        perClient = bulkhead.perClient
    }
}

extension HedgePlan {
    init(_ hedge: Configuration.Hedge) {
        self.init(delay: .percentile(hedge.percentile ?? 95, atLeast: hedge.atLeast))
        if let after = hedge.after { delay = .fixed(after) }
        tools = hedge.tools
        budget = hedge.budget
    }
}

extension ModulePlan {
    init(_ module: Configuration.Module) {
        self.init(kind: module.kind, name: module.name, options: module.optionsJSON)
        allowsOnError = module.allowsOnError
        appliesToPlugins = module.appliesToPlugins
        servers = module.servers
        tenants = module.tenants
        items = module.tools
    }
}

extension StorePlan {
    init(_ store: Configuration.Store) {
        self.init()
        kind = store.kind
        options = store.optionsJSON
        timeout = store.timeout
        operations = store.operations
        probe = store.probe
        isRequired = store.required
        sessions = store.sessions
    }
}

extension AuthPlan {
    init(_ auth: Configuration.Auth) {
        self.init()
        providers = auth.providers.map { ModulePlan($0) }
        isRequired = auth.required
        resource = auth.resource
        scopes = auth.scopes
    }
}

extension SelectionPlan {
    init(_ selection: Configuration.Selection) {
        self.init()
        allow = selection.allow
        deny = selection.deny
        for pair in selection.rename { rename[pair.from] = pair.to }
    }
}

extension BundlePlan {
    init(_ bundle: Configuration.Bundle) {
        self.init(name: bundle.name)
        description = bundle.description
        include = bundle.include + bundle.servers
        exclude = bundle.exclude
        for pair in bundle.rename { rename[pair.from] = pair.to }
    }
}

extension PluginPlan {
    init(_ plugin: Configuration.Plugin) {
        self.init()
        id = plugin.id
        file = plugin.file
        sha256 = plugin.sha256
        enabled = plugin.enabled
        config = plugin.configJSON
        faults = plugin.faults.map { BorderPlan.Fault($0) }
        cell = CellPlan(plugin.cell)
        wish = plugin.placement.map { $0 == .inproc ? .inproc : .cell }
        if wish == .cell { placement = .cell(cell) }
    }
}

extension CellPlan {
    init(_ cell: Configuration.Cell) {
        self.init()
        memory = cell.memory
        files = cell.files
        operations = cell.operations
        network = cell.network
        processes = cell.processes
        jit = cell.jit
        allFiles = cell.allFiles
        read = cell.read
        write = cell.write
    }
}
