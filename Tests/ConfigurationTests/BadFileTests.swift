// SPDX-License-Identifier: Apache-2.0
// Native files that are wrong: where the finding points and what it says.

import Configuration
import Testing

/// A snippet with one fault. `▲` marks where the finding must point, and is not part of the snippet.
struct Bad: Sendable, CustomTestStringConvertible {
    let text: String
    let message: String
    let suggestion: String?
    let file: String

    init(_ text: String, _ message: String, _ suggestion: String? = nil, file: String = "gateway.yaml") {
        self.text = text
        self.message = message
        self.suggestion = suggestion
        self.file = file
    }

    var testDescription: String { text }

    /// The snippet without its mark, and where the mark stood.
    var marked: (text: String, position: SourcePosition) {
        let parts = text.split(separator: "▲", omittingEmptySubsequences: false)
        let lines = parts[0].split(separator: "\n", omittingEmptySubsequences: false)
        let position = SourcePosition(
            line: lines.count, column: lines[lines.count - 1].unicodeScalars.count + 1)
        return (parts.joined(), position)
    }

    /// In a native file's server.
    static func server(_ entry: String, _ message: String, _ suggestion: String? = nil) -> Bad {
        Bad("version: 1\nservers:\n  one: \(entry)\n", message, suggestion)
    }
}

private let blocks: [Bad] = [
    Bad("▲servers: {}", "\"version\" is missing; add the line `version: 1` at the top"),
    Bad("▲{\"runtime\": {}}", "add the line `\"version\": 1` at the top", file: "a.json"),
    Bad("version: ▲2", "version 2 is unknown; this build reads version 1"),
    Bad("version: ▲'1'", "version: expected the number 1, found \"1\""),
    Bad("version:▲ ", "version: expected the number 1, found nothing"),
    Bad("version: 1\n▲listner: []", "unknown key \"listner\"", "listeners"),
    Bad("version: 1\n▲mcpServers: {}", "unknown key \"mcpServers\"", "servers"),
    Bad("version: 1\n▲colour: red", "unknown key \"colour\"; the keys here are version, runtime"),
    Bad("version: 1\nlog: {}\n▲log: {}", "the key \"log\" stands twice; the first is on line 2"),
    Bad("▲- version: 1", "the file: expected a mapping with \"version\" and \"servers\", found a list"),
    Bad("▲version", "the file: expected a mapping"),
    Bad("version: 1\nruntime: { ▲loop: 2 }", "unknown key \"loop\" in runtime", "loops"),
    Bad(
        "version: 1\nruntime: { ▲drainTimout: 2s }", "unknown key \"drainTimout\" in runtime", "drain_timeout"
    ),
    Bad("version: 1\nruntime: { ▲workers: 2 }", "unknown key \"workers\" in runtime", "loops"),
    Bad("version: 1\nruntime: ▲[]", "runtime: expected a mapping, found a list"),
    Bad(
        "version: 1\nruntime: { loops: ▲0 }", "runtime.loops: expected a whole number from 1 to 1024, found 0"
    ),
    Bad("version: 1\nruntime: { loops: ▲aut }", "runtime.loops: expected auto or a number", "auto"),
    Bad("version: 1\nruntime: { loops: ▲1.5 }", "runtime.loops: expected a whole number"),
    Bad(
        "version: 1\nruntime: { drain_timeout: ▲30 }", "expected a duration such as 30s or 250ms, found 30",
        "30s"),
    Bad("version: 1\nruntime: { drain_timeout: ▲30 sec }", "found \"30 sec\"", "30s"),
    Bad("version: 1\nruntime: { drain_timeout: ▲1.5m }", "found \"1.5m\"", "90s"),
    Bad("version: 1\nruntime: { drain_timeout: ▲2d }", "found \"2d\"", "48h"),
    Bad("version: 1\nruntime: { drain_timeout: ▲25h }", "expected a duration from 0s to 24h, found \"25h\""),
    Bad(
        "version: 1\nruntime: { state_dir: ▲[a] }",
        "runtime.state_dir: expected the path of a folder, found a list"),
    Bad(
        "version: 1\nruntime: { state_dir: ▲'' }",
        "runtime.state_dir: expected the path of a folder, found \"\""),
    Bad("version: 1\nruntime: { slow_action: ▲mov }", "expected log or move, found \"mov\"", "move"),
    Bad("version: 1\nruntime: { slow_strikes: ▲0 }", "runtime.slow_strikes: expected a whole number"),
    Bad(
        "version: 1\nruntime: { plugin_dirs: ▲/opt }", "expected a list of folders, found \"/opt\"",
        "[\"/opt\"]"),
    Bad(
        "version: 1\nruntime: { plugin_dirs: [a, ▲{}] }",
        "runtime.plugin_dirs[1]: expected text, found a mapping"),
    Bad(
        "version: 1\nnaming: { prefix: ▲on_conflict }", "expected always, on-conflict or never", "on-conflict"
    ),
    Bad(
        "version: 1\nnaming: { prefix: ▲true }",
        "naming.prefix: expected always, on-conflict or never, found true"),
    Bad("version: 1\nnaming: { separator: ▲'.' }", "naming.separator: expected 1 to 4 letters"),
    Bad("version: 1\nnaming: { separator: ▲'-----' }", "found \"-----\""),
    Bad(
        "version: 1\nnaming: { max_length: ▲8 }", "max_length: expected a whole number from 16 to 128"),
    Bad("version: 1\nlimits: { message: ▲4MB }", "expected a size such as 64KiB, 4MiB or 1000000", "4MiB"),
    Bad(
        "version: 1\nlimits: { message: ▲12 }", "message: expected a size from 1KiB to 1GiB, found 12"),
    Bad("version: 1\nlimits: { message: ▲true }", "limits.message: expected a size"),
    Bad("version: 1\nlimits: { depth: ▲'64' }", "limits.depth: expected a whole number", "64"),
    Bad("version: 1\nlimits: { calls: ▲1_000 }", "limits.calls: expected a whole number", "1000"),
    Bad("version: 1\nlimits: { calls: ▲0x10 }", "limits.calls: expected a whole number"),
    Bad("version: 1\nlimits: { timeout: ▲60000 }", "limits.timeout: expected a duration", "1m"),
    Bad(
        "version: 1\nlimits: { timeout: ▲0s }",
        "limits.timeout: expected a duration from 1ms to 24h, found \"0s\""),
    Bad("version: 1\nlimits: { ▲call_per_server: 3 }", "unknown key", "calls_per_server"),
    Bad(
        "version: 1\nlimits: { parked_calls: ▲-1 }",
        "parked_calls: expected a whole number from 0 to 1000000, found -1"),
    Bad("version: 1\nlimits: { parked_age: ▲600 }", "limits.parked_age: expected a duration", "600s"),
    Bad(
        "version: 1\nlimits: { parked_age: ▲500ms }",
        "limits.parked_age: expected a duration from 1s to 24h, found \"500ms\""),
    Bad(
        "version: 1\nlimits: { parked_bytes: ▲1KiB }",
        "limits.parked_bytes: expected a size from 64KiB to 64GiB, found \"1KiB\""),
    Bad("version: 1\nlimits: { task_bytes: ▲64MB }", "limits.task_bytes: expected a size", "64MiB"),
    Bad("version: 1\nlimits: { rounds: ▲0 }", "rounds: expected a whole number from 1 to 1000, found 0"),
    Bad("version: 1\nlimits: { questions_per_call: ▲0 }", "expected a whole number from 1 to 100000"),
    Bad("version: 1\nlimits: { upstream_sessions: ▲0 }", "expected a whole number from 1 to 10000"),
    Bad("version: 1\nlimits: { upstream_idle: ▲0s }", "expected a duration from 1ms to 24h, found \"0s\""),
    Bad("version: 1\nlimits: { streams: ▲10k }", "limits.streams: expected a whole number"),
    Bad("version: 1\nlimits: { subscriptions_per_stream: ▲all }", "expected a whole number from 0 to"),
    Bad("version: 1\nlimits: { replay: ▲off }", "limits.replay: expected a size such as"),
    Bad("version: 1\nlimits: { replay: ▲2GiB }", "limits.replay: expected a size from 0 to 1GiB"),
    Bad("version: 1\nlimits: { tasks: ▲1m }", "limits.tasks: expected a whole number from 0 to 1000000"),
    Bad("version: 1\nlimits: { ▲parkedCalls: 3 }", "unknown key \"parkedCalls\" in limits", "parked_calls"),
    Bad("version: 1\nlimits: { ▲upstream_session: 3 }", "unknown key", "upstream_sessions"),
    Bad("version: 1\n▲task: {}", "unknown key \"task\"", "tasks"),
    Bad("version: 1\ntasks: ▲off", "tasks: expected a mapping, found \"off\""),
    Bad("version: 1\ntasks: { ▲promoteafter: 5s }", "unknown key \"promoteafter\" in tasks", "promote_after"),
    Bad("version: 1\ntasks: { promote_after: ▲30 }", "tasks.promote_after: expected a duration", "30s"),
    Bad("version: 1\ntasks: { promote_after: ▲Off }", "promote_after: expected off or a duration", "off"),
    Bad("version: 1\ntasks: { promote_after: ▲never }", "expected off or a duration such as", "off"),
    Bad("version: 1\ntasks: { promote_after: ▲false }", "expected off or a duration such as", "off"),
    Bad("version: 1\ntasks: { promote_after: ▲0s }", "promote_after: expected off or a duration", "off"),
    Bad("version: 1\ntasks: { promote_after: ▲25h }", "expected a duration from 1ms to 24h, found \"25h\""),
    Bad(
        "version: 1\ntasks: { promote_after: ▲'${env:PORT}' }", "a duration such as 30s or 250ms, found \"${"),
    Bad("version: 1\ntasks: { ttl: ▲0s }", "tasks.ttl: expected a duration from 1ms to 24h, found \"0s\""),
    Bad("version: 1\ntasks: { poll_interval: ▲1000 }", "tasks.poll_interval: expected a duration", "1s"),
    Bad("version: 1\nlog: { level: ▲warn }", "expected trace, debug, info, warning or error, found \"warn\""),
    Bad("version: 1\nlog: { level: ▲inof }", "log.level: expected", "info"),
    Bad("version: 1\nlog: { format: ▲[json] }", "log.format: expected text or json, found a list"),
]

private let listsOfTheFile: [Bad] = [
    Bad("version: 1\nlisteners: ▲{ transport: http }", "listeners: expected a list, found a mapping"),
    Bad("version: 1\nlisteners: [ ▲http ]", "listeners[0]: expected a mapping such as { transport: http }"),
    Bad("version: 1\nlisteners: [ ▲{ address: a } ]", "\"transport\" is missing", "transport: http"),
    Bad("version: 1\nlisteners: [ { ▲tansport: http } ]", "\"transport\" is missing", "transport"),
    Bad("version: 1\nlisteners: [ { transport: ▲a/b } ]", "expected the name of a transport such as http"),
    Bad(
        "version: 1\nlisteners:\n  - { transport: a, address: h:1 }\n  - { transport: a, address: ▲h:1}",
        "listeners[1].address: the listener on line 3 has the address \"h:1\" already"),
    Bad("version: 1\nplugins: ▲{ id: a }", "plugins: expected a list, found a mapping"),
    Bad("version: 1\nplugins: [ ▲{ enabled: true } ]", "say which plugin this is, with \"id\" or \"file\""),
    Bad("version: 1\nplugins: [ ▲{ id: a, file: b } ]", "\"id\" and \"file\" exclude each other"),
    Bad("version: 1\nplugins: [ { id: ▲./a.so } ]", "a file is named with \"file\""),
    Bad(
        "version: 1\nplugins:\n  - id: a\n  - ▲id: a",
        "plugins[1]: the plugin \"a\" stands twice; the first is on line 3"),
    Bad(
        "version: 1\nplugins: [ { id: a, placement: ▲in-proc } ]", "expected inproc, cell or cell-per-inst",
        "inproc"),
    Bad(
        "version: 1\nplugins: [ { id: a, enabled: ▲yes } ]", "plugins[0].enabled: expected true or false",
        "true"),
    Bad("version: 1\nplugins: [ { id: a, enabled: ▲Off } ]", "found \"Off\"", "false"),
    Bad("version: 1\nplugins: [ { id: a, enabled: ▲'true' } ]", "found \"true\"", "true"),
    Bad(
        "version: 1\nplugins: [ { id: a, config: ▲[] } ]",
        "plugins[0].config: expected a mapping, found a list"),
    Bad("version: 1\nplugins: [ { id: a, ▲conifg: {} } ]", "unknown key \"conifg\" in plugins[0]", "config"),
    Bad(
        "version: 1\nplugins: [ { file: a, sha256: ▲abcd } ]",
        "plugins[0].sha256: expected 64 hexadecimal digits"),
    Bad(
        "version: 1\nplugins: [ { id: a, config: { ▲ttl: 5s, ttl_ms: 1 } } ]",
        "\"ttl\" and \"ttl_ms\" say the same; keep one of them"),
    Bad("version: 1\nbundles: { ▲a b: [x] }", "\"a b\" can't name a bundle", "a-b"),
    Bad("version: 1\nbundles: { ▲a: {} }", "bundles.a: say what it holds, with \"servers\" or \"include\""),
    Bad("version: 1\nbundles: { a: ▲all }", "bundles.a: expected a mapping such as"),
    Bad(
        "version: 1\nbundles: { a: { ▲includes: [x], servers: [] } }", "unknown key \"includes\"", "include"),
    Bad(
        "version: 1\nservers: { tickets: { command: x } }\nbundles: { a: { servers: [▲ticket] } }",
        "bundles.a.servers: there is no server \"ticket\"", "tickets"),
]

private let servers: [Bad] = [
    Bad("version: 1\nservers: ▲[]", "servers: expected a mapping from names to servers, found a list"),
    Bad(
        "version: 1\nservers: { ▲my server: { command: x } }", "\"my server\" can't name a server",
        "my-server"),
    Bad("version: 1\nservers: { ▲_a: { command: x } }", "can't name a server", "a"),
    Bad("version: 1\nservers:\n  a: { command: x }\n  ▲a: { command: y }", "the key \"a\" stands twice"),
    Bad("version: 1\nservers:\n  ▲one:\n", "servers.one: say how to reach the server"),
    .server("▲python3 server.py", "servers.one: expected a mapping such as { command: python3"),
    Bad(
        "version: 1\nservers: { ▲one: { args: [a] } }",
        "say how to reach the server, with \"command\", \"url\""),
    .server("{ ▲comand: python3 }", "say how to reach the server", "command"),
    .server("{ command: x, ▲url: 'http://a/' }", "\"command\" and \"url\" exclude each other"),
    .server(
        "{ command: ▲[python3, -m, x] }",
        "expected the program alone (its arguments stand in \"args\"), found a list"),
    .server("{ command: ▲'' }", "servers.one.command: expected the name or path of a program, found \"\""),
    .server("{ url: ▲a.example/mcp }", "expected a URL such as https://host/mcp", "https://a.example/mcp"),
    .server("{ url: ▲'http://a b/' }", "servers.one.url: expected a URL"),
    .server("{ url: ▲5 }", "servers.one.url: expected a URL"),
    .server("{ command: x, timeout: ▲60 }", "servers.one.timeout: expected a duration", "60s"),
    .server(
        "{ command: x, timeout: ▲~ }",
        "servers.one.timeout: expected a duration such as 30s or 250ms, found nothing"),
    .server(
        "{ command: x, era: ▲2025-11-26 }", "servers.one.era: expected auto, modern, legacy", "2025-11-25"),
    .server("{ command: x, era: ▲moderm }", "servers.one.era", "modern"),
    .server(
        "{ command: x, enabled: ▲no }", "servers.one.enabled: expected true or false, found \"no\"", "false"),
    .server(
        "{ command: x, keep_stale: ▲1 }", "servers.one.keep_stale: expected true or false, found 1", "true"),
    .server(
        "{ command: x, cache_scope: ▲shared }",
        "servers.one.cache_scope: expected auto, public or private, found \"shared\""),
    .server("{ command: x, cache_scope: ▲privat }", "servers.one.cache_scope: expected", "private"),
    .server("{ command: x, cache_ttl: ▲60 }", "servers.one.cache_ttl: expected a duration such as", "60s"),
    .server("{ command: x, cache_ttl: ▲25h }", "servers.one.cache_ttl: expected a duration from 0s to 24h"),
    .server(
        "{ replicas: [ { url: 'http://a/', ▲cache_ttl: 5s } ] }",
        "\"cache_ttl\" belongs to the server, not to a replica"),
    .server("{ command: x, response_cache: ▲true }", "response_cache: expected false, or a mapping such as"),
    .server("{ command: x, response_cache: ▲{} }", "response_cache names no \"tools\" and no \"resources\""),
    .server(
        "{ command: x, response_cache: { tools: [a], ▲tll: 5s } }",
        "unknown key \"tll\" in servers.one.response_cache", "ttl"),
    .server("{ command: x, response_cache: { tools: ▲a } }", "tools: expected a list of patterns", "[\"a\"]"),
    .server(
        "{ command: x, response_cache: { tools: [a], scope: ▲all } }",
        "response_cache.scope: expected principal or public, found \"all\""),
    .server(
        "{ command: x, response_cache: ▲{ tools: [a], max_bytes: 8KiB, max_entry: 16KiB } }",
        "cannot be larger than all"),
    .server("{ command: x, response_cache: { tools: [a], ttl: ▲30 } }", "ttl: expected a duration", "30s"),
    .server("{ command: x, coalesce: ▲{} }", "coalesce names no \"tools\" and no \"resources\""),
    .server(
        "{ command: x, coalesce: { ▲ttl: 5s, tools: [a] } }", "unknown key \"ttl\" in servers.one.coalesce"),
    .server(
        "{ command: x, tools: ▲all }", "expected a mapping with \"allow\", \"deny\", \"rename\", or a list"),
    .server("{ command: x, tools: { ▲alow: [] } }", "unknown key \"alow\" in servers.one.tools", "allow"),
    .server("{ command: x, tools: { ▲blacklist: [] } }", "unknown key \"blacklist\"", "deny"),
    .server(
        "{ command: x, tools: { allow: ▲search } }", "allow: expected a list of patterns", "[\"search\"]"),
    .server(
        "{ command: x, tools: { allow: [▲''] } }", "servers.one.tools.allow[0]: expected text, found \"\""),
    .server(
        "{ command: x, tools: { rename: { a: ▲b c } } }",
        "a name has 1 to 64 letters, digits, \"_\" or \"-\", found"),
    .server(
        "{ command: x, tools: { rename: { a: c, b: ▲c } } }",
        "\"c\" is the new name of another tool on line 3"),
    .server(
        "{ command: x, tools: { rename: ▲[a] } }", "a mapping from names to new names, found a list"),
    .server("{ command: x, resources: { ▲rename: {} } }", "resources keep their URIs and can't be renamed"),
    .server("{ command: x, aliases: { ▲a.b: c } }", "servers.one.aliases: a name has 1 to 64"),
    .server(
        "{ command: x, aliases: { a: ▲true } }",
        "servers.one.aliases.a: expected the name of a tool, found true", "'true'"),
    Bad(
        "version: 1\nservers:\n  a: { command: x, aliases: {f: g} }\n  b: { command: x, aliases: {▲f: g} }",
        "the alias \"f\" is taken on line 3 already"),
    .server("{ command: x, prefix: ▲false }", "servers.one.prefix: expected up to 32 letters", "''"),
    .server("{ command: x, prefix: ▲a.b }", "servers.one.prefix: expected up to 32 letters"),
    .server("{ plugin: ▲a b }", "servers.one.plugin: expected a plugin's id"),
    .server("{ plugin: a, replicas: ▲[{ url: 'http://a/' }] }", "a plugin's server has no replicas"),
    .server("{ command: x, routing: ▲[] }", "servers.one.routing: expected a strategy such as least-request"),
    .server(
        "{ command: x, routing: { ▲stategy: a } }", "servers.one.routing: \"strategy\" is missing", "strategy"
    ),
    .server("{ replicas: ▲[] }", "servers.one.replicas: at least one is needed"),
    .server("{ replicas: ▲3 }", "servers.one.replicas: expected a list of replicas"),
    .server("{ replicas: [ ▲'http://a/' ] }", "servers.one.replicas[0]: expected a mapping"),
    .server("{ replicas: [ ▲{ weight: 2 } ] }", "servers.one.replicas[0]: say how to reach the server"),
    .server(
        "{ replicas: [ { url: 'http://a/', weight: ▲0 } ] }",
        "weight: expected a whole number from 1 to 1000, found 0"),
    .server(
        "{ replicas: [ { url: 'http://a/', ▲era: auto } ] }",
        "\"era\" belongs to the server, not to a replica"),
]

private let references: [Bad] = [
    .server(
        "{ command: '▲${env:NOPE}' }",
        "the environment variable NOPE is not set; set it, or write ${env:NOPE:-default}"),
    .server("{ command: \"a ${env:HOME} ▲${env:NOPE}\" }", "NOPE is not set"),
    .server("{ command: \"$${env:NOPE} ▲${env:NOPE}\" }", "NOPE is not set"),
    .server("{ command: '▲${file:/nope}' }", "can't read \"/nope\": No such file or directory"),
    .server("{ command: '▲${file:/run/binary}' }", "can't read \"/run/binary\": it is not UTF-8 text"),
    .server("{ command: '▲${HOME}' }", "\"${HOME}\" is no reference", "${env:HOME}"),
    .server("{ command: '▲${evn:HOME}' }", "\"${evn:HOME}\" is no reference", "${env:HOME}"),
    .server("{ command: '▲${env:A B}' }", "\"${env:A B}\" is no reference"),
    .server("{ command: 'x▲${env:HOME' }", "has no closing brace; write $${ for a literal"),
    .server("{ command: '▲${env:A:-${env:B}}' }", "a default can't hold another reference"),
    .server("{ command: ▲${env:HOME} }", "must stand in quotes", "'${env:HOME}'"),
    .server(
        "{ command: x, '▲${env:HOME}': 1 }".replacingMarkBeforeQuote, "references are expanded in values only"
    ),
    .server(
        "{ command: x, n: ▲!!int '${env:HOME}' }", "\"${env:HOME}\" stands for is not what its tag promises"),
    .server("{ command: x, enabled: ▲'${env:TOKEN}' }", "expected true or false, found \"${env:TOKEN}\""),
    .server(
        "{ command: x, timeout: ▲'${env:PORT}' }",
        "expected a duration such as 30s or 250ms, found \"${env:PORT}\""),
]

private let syntax: [Bad] = [
    Bad("version: 1\nservers:\n▲\tone: {}", "a tab can't indent YAML; use spaces"),
    Bad("version: 1\nservers: { one: { command: x }\n▲", "YAML: did not find expected ',' or '}'"),
    Bad("version: 1\nlog: a▲: b", "YAML: mapping values are not allowed in this context"),
    Bad("version: 1\nx-a: ▲*nope", "no anchor &nope stands before this alias"),
    Bad("version: 1\nx-b: &base 1\nx-a: ▲*bse", "no anchor &bse stands before this alias", "*base"),
    Bad("version: 1\nx-a: &a [ ▲*a ]", "the alias *a stands inside the value that it repeats"),
    Bad("version: 1\nlog: { <<: ▲5 }", "<< merges a mapping or a list of mappings, found 5"),
    Bad("version: 1\n? ▲[a]\n: b", "a key must be text, found a list"),
    Bad(
        "version: 1\nlog: ▲!!python/object:os.system x",
        "the tag \"!!python/object:os.system\" means nothing here"),
    Bad("version: 1\nx-a: ▲!!int abc", "\"abc\" is not what its tag !!int promises"),
    Bad("version: 1\n▲---\nversion: 1", "a second document begins here; a file holds one"),
    Bad("▲", "the file is empty; the least it can hold is \"version: 1\""),
    Bad("▲# only a comment\n", "the file is empty", file: "gateway.yaml"),
    Bad("version: 1\nlog: \"▲\u{1}\"", "control characters are not allowed (U+1)"),
    Bad("{ \"version\": 1 }▲x", "text after the end", file: "a.json"),
    Bad("{ \"version\": ▲01 }", "\"01\" is not a JSON value; text stands in double quotes", file: "a.json"),
    Bad("{ \"version\" ▲1 }", "expected \":\", found \"1\"", file: "a.json"),
    Bad("{ \"version\": 1 ▲\"log\": {} }", "expected \",\" or \"}\", found a text", file: "a.json"),
    Bad("{ \"a\": \"▲\\x\" }", "JSON knows no escape \"\\x\"", file: "a.json"),
    Bad("{ \"a\": \"▲\\ud800\" }", "half of a surrogate pair", file: "a.json"),
    Bad("{ \"a\": ▲\"b\n\" }", "this text has no closing quote on its line", file: "a.json"),
    Bad("{ \"a\": [▲", "expected a value, found the end of the file", file: "a.json"),
    Bad("{ \"version\": 1, \"log\": {}, ▲\"log\": {} }", "the key \"log\" stands twice", file: "a.json"),
]

extension String {
    /// A quoted key begins at its quote.
    fileprivate var replacingMarkBeforeQuote: String {
        split(separator: "'▲", omittingEmptySubsequences: false).joined(separator: "▲'")
    }
}

@Suite struct BadFileTests {
    @Test(arguments: blocks + listsOfTheFile + servers + references + syntax)
    func theFindingPointsAtTheFault(_ bad: Bad) throws {
        let (text, position) = bad.marked
        let parsed = parse(text, file: bad.file)
        #expect(parsed.configuration == nil)
        let errors = parsed.problems.filter { $0.severity == .error }
        #expect(errors.count == 1, "\(errors)")
        let error = try #require(errors.first)
        #expect(error.position == position)
        #expect(error.message.contains(bad.message), "\(error)")
        #expect(error.suggestion == bad.suggestion, "\(error)")
    }

    @Test func allFindingsAtOnceInTheOrderOfTheFile() {
        let parsed = parse(
            """
            version: 1
            runtime: { loops: many, drain_timeout: 30 }
            listners: []
            servers:
              a: { comand: x }
              b: { url: b.example, era: new, tools: { alow: [x] } }
              c: { command: "${env:NOPE}", enabled: yes }
            log: { level: loud }
            log: {}
            """)
        #expect(
            parsed.problems.filter { $0.severity == .error }.map { "\($0.position)" } == [
                "2:19", "2:40", "3:1", "5:8", "6:13", "6:29", "6:43", "7:18", "7:41", "8:15", "9:1",
            ])
    }

    @Test func aFindingReadsAsPeopleExpect() {
        let parsed = parse("version: 1\nlisteners:\n  - { transport: http }\nlimits: { mesage: 4MiB }\n")
        #expect(
            parsed.problems.map(\.description) == [
                "gateway.yaml:4:11: error: unknown key \"mesage\" in limits; did you mean \"message\"?"
            ])
    }

    @Test func aMisspeltCommandIsOneFinding() {
        let problems = parse("version: 1\nservers: { a: { comand: x } }").problems
        #expect(problems.map(\.severity) == [.error])
    }

    @Test func findingsAreCapped() {
        let keys = (0..<2000).map { "k\($0): 1" }.joined(separator: "\n")
        let problems = parse("version: 1\n" + keys).problems
        #expect(problems.count == 501)
        #expect(
            problems.contains { $0.message == "1500 more findings are not shown" && $0.severity == .error })
    }

    @Test(
        "doors that are open to the network are warned of",
        arguments: [
            ("0.0.0.0:80", true), ("*:80", true), ("[::]:80", true), ("192.0.2.1:80", true),
            ("[::1]:80", false),
            ("127.0.0.9:80", false), ("localhost:80", false),
        ])
    func openDoors(_ address: String, _ isOpen: Bool) throws {
        let listener = "version: 1\nlisteners: [{ transport: http, address: \"\(address)\" }]\n"
        #expect(try good(listener).warnings.isEmpty != isOpen)
        #expect(try good(listener + "auth: { providers: [{ provider: jwt }] }\n").warnings.isEmpty)
    }
}
