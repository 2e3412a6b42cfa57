import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe

/// Everything that a probe's worker needs to know; `probe-spec.json` in the probe's folder.
public struct ProbeSpec: Codable, Sendable {
    /// The driver's run.
    public var run: RunSpec
    public var probe: Probe
    /// What is compared.
    public var algorithms: [Item]

    package init(
        run: RunSpec, probe: Probe, algorithms: [Item]
    ) {
        self.run = run
        self.probe = probe
        self.algorithms = algorithms
    }

    /// A variant: an algorithm with its parameters, from a plugin's file.
    public struct Item: Codable, Sendable {
        public var name: String
        public var algorithm: String
        public var plugin: String
        /// The plugin's copy in the store.
        package var copy: String?
        /// nil if the variant names none. Of its parameters the probe sets those of the batch.
        public var preset: PresetUse?
        public var parameters: [String: JSONValue]

        package init(
            name: String, algorithm: String, plugin: String, copy: String? = nil, preset: PresetUse? = nil,
            parameters: [String: JSONValue]
        ) {
            self.copy = copy
            self.name = name
            self.algorithm = algorithm
            self.plugin = plugin
            self.preset = preset
            self.parameters = parameters
        }
    }
}

/// The places within a probe's folder.
public struct ProbeFolder: Sendable {
    public let url: URL

    public init(_ url: URL) { self.url = url }

    public var spec: URL { url.appending(path: "probe-spec.json") }
    public var recipe: URL { url.appending(path: "recipe.yaml") }
    public var environment: URL { url.appending(path: "environment.json") }
    /// Written last.
    public var result: URL { url.appending(path: "probe.json") }

    package func readSpec() throws -> ProbeSpec { try JSON.decode(ProbeSpec.self, from: spec) }

    /// What the probe found. Throws if the folder holds no finished probe.
    public func readResult() throws -> ProbeResult {
        guard FileManager.default.fileExists(atPath: result.path) else {
            throw ZooError(.notFound, "\(url.path) contains no finished probe: it has no probe.json")
        }
        return try JSON.decode(ProbeResult.self, from: result)
    }

    package func create(_ spec: ProbeSpec, recipe whole: Recipe) throws {
        try OutputFile.createFolder(url)
        try OutputFile.write(JSON.encode(spec), to: self.spec)
        try OutputFile.write(Data(whole.resolvedYAML().utf8), to: recipe)
    }
}
