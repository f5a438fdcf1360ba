// SPDX-License-Identifier: Apache-2.0
// Manifests: what is read, and which member a fault names.

import JSON
import Testing

@testable import JackfieldCore

@Suite("Plugin manifest") struct ManifestTests {
    static let whole = """
        {"id":"com.acme.all-in-one","version":"1.2.3-rc.1+7","abi":"1.4","summary":"Everything.",
        "threads":"per-loop","facets":["jf.listener/1","jf.connector/1","jf.toolset/1","jf.routing/1"],
        "requires":["jf.loop/1"],"optional":["jf.log/1"],"provides":["jf.http/1"],
        "config":{"type":"object","properties":{"n":{"default":3}}},
        "listener":{"transport":"http","config":{"type":"object"}},
        "connector":{"keys":["url"],"schemes":["https"]},
        "toolset":{"config":true},"routing":{"strategy":"hash"},"future":{"kept":1}}
        """

    private func fault(_ text: String) -> String? {
        do throws(PluginManifest.Fault) {
            _ = try PluginManifest(parsing: text.utf8)
            return nil
        } catch {
            return error.text
        }
    }

    /// The whole manifest with one member replaced, or removed.
    private func fault(_ key: String, _ value: JSONValue?) throws -> String? {
        var json = try JSONValue(parsing: ManifestTests.whole)
        json[key] = value
        return fault(json.description)
    }

    @Test("every member is read")
    func members() throws {
        let manifest = try PluginManifest(parsing: ManifestTests.whole.utf8)
        #expect(manifest.id == "com.acme.all-in-one")
        #expect(manifest.version == "1.2.3-rc.1+7")
        #expect(manifest.abi == PluginManifest.ABIVersion(major: 1, minor: 4))
        #expect(manifest.summary == "Everything.")
        #expect(manifest.facets.count == 4)
        #expect(manifest.requires == ["jf.loop/1"])
        #expect(manifest.optional == ["jf.log/1"])
        #expect(manifest.provides == ["jf.http/1"])
        #expect(manifest.threads == .perLoop)
        #expect(manifest.configSchema?.compiled.applyingDefaults([:])["n"]?.int == 3)
        #expect(manifest.listener?.transport == "http")
        #expect(manifest.listener?.config?.compiled.validate("text").isEmpty == false)
        #expect(manifest.connector?.keys == ["url"])
        #expect(manifest.connector?.schemes == ["https"])
        #expect(manifest.toolset?.config != nil)
        #expect(manifest.routing?.strategy == "hash")
        #expect(manifest.routing?.config == nil)
        #expect(manifest.document["future"]?["kept"]?.int == 1)
    }

    @Test(
        "a missing member is named",
        arguments: [
            ("id", "manifest member 'id' is missing"),
            ("version", "manifest member 'version' is missing"),
            ("abi", "manifest member 'abi' is missing"),
            ("threads", "manifest member 'threads' is missing"),
            ("listener", "manifest member 'listener' is missing, though 'facets' lists jf.listener/1"),
            ("connector", "manifest member 'connector' is missing, though 'facets' lists jf.connector/1"),
            ("routing", "manifest member 'routing' is missing, though 'facets' lists jf.routing/1"),
        ])
    func missing(_ key: String, _ text: String) throws {
        #expect(try fault(key, nil) == text)
    }

    @Test(
        "optional members may be missing",
        arguments: ["summary", "requires", "optional", "provides", "config", "toolset"])
    func optional(_ key: String) throws {
        #expect(try fault(key, nil) == nil)
    }

    @Test("a member of the wrong shape is named, with what was found")
    func shapes() throws {
        let name = "a name of lower-case letters, digits, '-' and '.', at most 128"
        #expect(try fault("id", "Has Spaces") == "manifest member 'id' must be \(name), not \"Has Spaces\"")
        #expect(try fault("id", 7) == "manifest member 'id' must be \(name), not a number")
        #expect(
            try fault("version", "1.2")
                == "manifest member 'version' must be a version such as \"1.2.3\", not \"1.2\"")
        #expect(
            try fault("abi", "1") == "manifest member 'abi' must be an ABI version such as \"1.0\", not \"1\""
        )
        #expect(
            try fault("threads", "many")
                == "manifest member 'threads' must be \"per-loop\" or \"serial\" or \"concurrent\", not "
                + "\"many\""
        )
        #expect(
            try fault("requires", ["jf.loop"])
                == "manifest member 'requires[0]' must be part of a list of ids such as \"jf.loop/1\", not "
                + "\"jf.loop\""
        )
        #expect(
            try fault("requires", ["jf.log/1", "jf.log/1"])
                == "manifest member 'requires' names \"jf.log/1\" twice")
        #expect(try fault("config", []) == "manifest member 'config' must be a JSON Schema, not a list")
        #expect(
            try fault("config", ["type": "objekt"])?.hasPrefix(
                "manifest member 'config' is no usable JSON Schema: at #")
                == true)
        #expect(try fault("listener", "http") == "manifest member 'listener' must be an object, not a text")
        #expect(try fault("listener", [:]) == "manifest member 'listener.transport' is missing")
        #expect(
            try fault("connector", [:])
                == "manifest member 'connector' has neither 'keys' nor 'schemes', so nothing selects it")
        #expect(
            try fault("facets", ["jf.listener/1", "jf.connector/1", "jf.toolset/1"])
                == "manifest member 'routing' is out of place, since 'facets' does not list jf.routing/1")
    }

    @Test("what is no object, or says things twice, is refused")
    func documents() {
        #expect(fault("[]") == "its manifest is not a JSON object")
        #expect(fault("") == "its manifest is not JSON: the JSON text is empty")
        #expect(fault("{\"id\":\"a\",\"id\":\"b\"}") == "manifest member 'id' stands there twice")
        #expect(
            fault("{\"id\":\"a\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"threads\":\"serial\"}")
                == "manifest members 'facets' and 'provides' are both missing or empty, so it has no use")
    }
}
