import CZoo
import Foundation
import Testing
import ZooBase
import ZooKit
import ZooPlugins

/// "zoo.parameters/1" and "zoo.run/1".
@Suite("parameters by name")
struct ParameterServiceTests {
    private static let schema = #"""
        {"algorithms": [{"id": "demo", "title": "", "summary": "", "paper": "", "presets": [],
          "needs": {"data": ["prompts"], "roles": [], "services": []},
          "parameters": [
            {"name": "rate", "kind": "number", "doc": "", "defaultValue": 0.5, "isNullable": false, "minimum": 0,
             "minimumIsExcluded": false, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": []},
            {"name": "limit", "kind": "integer", "doc": "", "isNullable": true,
             "minimumIsExcluded": false, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": []},
            {"name": "on", "kind": "boolean", "doc": "", "defaultValue": true, "isNullable": false,
             "minimumIsExcluded": false, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": []},
            {"name": "mode", "kind": "string", "doc": "", "defaultValue": "täglich", "isNullable": false,
             "minimumIsExcluded": false, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": []},
            {"name": "names", "kind": "array", "doc": "", "defaultValue": ["a", "bc"], "isNullable": false,
             "minimumIsExcluded": false, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": []},
            {"name": "weights", "kind": "array", "doc": "", "defaultValue": [1, 2.5], "isNullable": false,
             "minimumIsExcluded": false, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": []},
            {"name": "switches", "kind": "array", "doc": "", "defaultValue": [true, false], "isNullable": false,
             "minimumIsExcluded": false, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": []}]}],
         "path": "/libDemo.so", "sha256": "", "toolchain": "", "abiMinor": 0}
        """#

    /// Reads a parameter while `create` runs.
    private func value<T>(
        _ name: String, _ start: T, given: [String: JSONValue] = [:],
        _ function: (zoo_parameters_v1) -> (
            (UnsafeMutableRawPointer?, zoo_str, UnsafeMutablePointer<T>?, UnsafeMutablePointer<zoo_error>?) -> Int32
        )?
    ) throws -> T {
        let description = try JSONDecoder().decode(PluginDescription.self, from: Data(Self.schema.utf8))
        let host = HostTable(ScriptedHost())
        host.parameters = try GivenParameters(given, of: #require(description.algorithms.first), recipe: "recipe.yaml")
        let table = try #require(host.service(ZOO_PARAMETERS_ID)).assumingMemoryBound(to: zoo_parameters_v1.self)
        let call = try #require(function(table.pointee))
        var out = start
        try host.gate.during(.create) {
            try ZooError.check("read") { error in name.withZooString { call(table.pointee.ctx, $0, &out, error) } }
        }
        Self.kept.append(host)
        return out
    }

    /// What is handed out lives as long as its host.
    nonisolated(unsafe) private static var kept: [HostTable] = []

    @Test("what the recipe gives stands over the schema's defaults")
    func values() throws {
        #expect(try value("rate", 0, { $0.number }) == 0.5)
        #expect(try value("rate", 0, given: ["rate": 2], { $0.number }) == 2)
        #expect(try value("limit", 0, given: ["limit": 7], { $0.integer }) == 7)
        #expect(try value("limit", 0, given: ["limit": 7], { $0.number }) == 7)
        #expect(try value("on", 5, { $0.boolean }) == 1)
        #expect(try value("on", 5, given: ["on": false], { $0.boolean }) == 0)
        #expect(try value("mode", zoo_str(), { $0.string }).string == "täglich")
    }

    @Test("lists come as arrays of their elements' type")
    func lists() throws {
        let empty: UnsafePointer<zoo_array>? = nil
        let weights = try #require(try value("weights", empty, { $0.list }))
        #expect(try Column(copying: weights, sequences: 2, steps: 0).values == .f64([1, 2.5]))
        let names = try #require(try value("names", empty, { $0.list }))
        #expect(try Column(copying: names, sequences: 2, steps: 0).strings == ["a", "bc"])
        let switches = try #require(try value("switches", empty, { $0.list }))
        #expect(switches.pointee.dtype == ZOO_BOOL && switches.pointee.nbytes == 2)
        let none = try #require(try value("weights", empty, given: ["weights": []], { $0.list }))
        #expect(none.pointee.nbytes == 0)
    }

    @Test("null, an unknown name and another type are told apart")
    func refusals() throws {
        #expect(throws: ZooError(.notFound, "parameter 'limit' of 'demo' is null")) { try value("limit", 0, { $0.integer }) }
        #expect(throws: ZooError(.invalidArgument, "parameter 'rate' of 'demo' was read as integer; its schema says number")) {
            try value("rate", 0, { $0.integer })
        }
        let known = "limit, mode, names, on, rate, switches, weights"
        #expect(throws: ZooError(.invalidArgument, "the schema of 'demo' has no parameter 'rat'; it has: \(known)")) {
            try value("rat", 0, { $0.number })
        }
        #expect(throws: ZooError(.invalidArgument, "recipe.yaml: parameter 'rate' of 'demo': expected a number >= 0, found -1")) {
            try value("rate", 0, given: ["rate": -1], { $0.number })
        }
    }
}
