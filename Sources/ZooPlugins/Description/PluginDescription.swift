import Foundation
import ZooBase
import ZooData
import ZooKit

/// What is known of a plugin without creating an algorithm: the result of a scan.
public struct PluginDescription: Sendable, Equatable, Codable {
    /// Absolute path of the file.
    public var path: String
    /// Of the file's bytes, in hexadecimal.
    public var sha256: String
    /// The toolchain, for example "swift 6.3.1".
    public var toolchain: String
    /// Minor version of the ABI that it was built with.
    public var abiMinor: Int
    public var algorithms: [AlgorithmDescription]

    /// The algorithm of that id, or nil.
    public func algorithm(_ id: String) -> AlgorithmDescription? { algorithms.first { $0.id == id } }
}

/// A plugin's description of one of its algorithms.
public struct AlgorithmDescription: Sendable, Equatable, Codable {
    public var id: String
    public var title: String
    public var summary: String
    public var paper: String
    /// In the plugin's order; those that it does not order stand behind, by name.
    public var parameters: [ParameterDescription]
    public var needs: AlgorithmNeeds
    /// In the plugin's order.
    public var presets: [PresetDescription]

    /// The preset of that name, or nil.
    public func preset(_ name: String) -> PresetDescription? { presets.first { $0.name == name } }

    /// The parameter of that name, or nil.
    public func parameter(_ name: String) -> ParameterDescription? { parameters.first { $0.name == name } }

    /// The parameter that counts this, or nil.
    public func parameter(counting counted: ParameterDescription.Counted) -> ParameterDescription? {
        parameters.first { $0.counts == counted }
    }
}

/// One property of an algorithm's JSON Schema.
public struct ParameterDescription: Sendable, Equatable, Codable {
    public enum Kind: String, Sendable, Codable {
        case number, integer, boolean, string, array, object
    }

    public var name: String
    public var kind: Kind
    /// Whether null is a valid value.
    public var isNullable = false
    public var doc: String
    public var defaultValue: JSONValue?
    /// Lower bound; `minimumIsExcluded` if it is itself out of range.
    public var minimum: Double?
    public var minimumIsExcluded = false
    /// Upper bound; `maximumIsExcluded` if it is itself out of range.
    public var maximum: Double?
    public var maximumIsExcluded = false
    /// The allowed values; empty if there is no restriction.
    public var choices: [JSONValue] = []
    /// What the number counts; nil: nothing that the host must know.
    public var counts: Counted?
    /// Other names that recipes may write: TRL's.
    public var aliases: [String] = []
    /// Names that recipes may no longer write.
    public var formerly: [String] = []

    /// What a parameter may count, by its words in the schema.
    public enum Counted: String, Sendable, Codable {
        case prompts, pairs, examples, passes, minibatches
        case samplesPerPrompt = "samples_per_prompt"
    }
}

/// What an algorithm needs from the host.
public struct AlgorithmNeeds: Sendable, Equatable, Codable {
    /// Any one of these suffices.
    public var data: [DataKind]
    public var roles: [String]
    public var services: [String]

    package init(
        data: [DataKind], roles: [String], services: [String]
    ) {
        self.data = data
        self.roles = roles
        self.services = services
    }
}

extension ParameterDescription {
    /// Reads one property of a schema.
    init(name: String, schema: JSONValue, of algorithm: String) throws {
        let what = "parameter '\(name)' of algorithm '\(algorithm)'"
        let types = schema["type"]?.array?.compactMap(\.string) ?? [schema["type"]?.string ?? ""]
        guard let type = types.first, types.count == 1 || types.dropFirst().elementsEqual(["null"]),
            let kind = Kind(rawValue: type)
        else {
            throw ZooError(
                .invalidArgument,
                "\(what) declares no known type; expected number, integer, boolean, string, array or object, alone or with null")
        }
        self.init(
            name: name, kind: kind, isNullable: types.count == 2, doc: schema["description"]?.string ?? "",
            defaultValue: schema["default"])
        if let excluded = schema["exclusiveMinimum"]?.number { (minimum, minimumIsExcluded) = (excluded, true) }
        if let excluded = schema["exclusiveMaximum"]?.number { (maximum, maximumIsExcluded) = (excluded, true) }
        if let included = schema["minimum"]?.number { (minimum, minimumIsExcluded) = (included, false) }
        if let included = schema["maximum"]?.number { (maximum, maximumIsExcluded) = (included, false) }
        choices = schema["enum"]?.array ?? []
        counts = try schema["counts"].map { json in
            guard let counts = json.string.flatMap(Counted.init) else {
                throw ZooError(
                    .invalidArgument,
                    "\(what) counts \(try json.text()); expected prompts, samples_per_prompt, pairs, examples, passes or minibatches"
                )
            }
            return counts
        }
        aliases = (schema["aliases"]?.array ?? []).compactMap(\.string)
        formerly = (schema["formerly"]?.array ?? []).compactMap(\.string)
    }
}

extension [ParameterDescription] {
    /// Themselves, where each name means one parameter: its own name, its other names, and those that it no longer has.
    func named(of algorithm: String) throws -> Self {
        let names = map(\.name)
        let all = names + flatMap(\.aliases) + Set(flatMap(\.formerly))
        for (index, name) in all.enumerated() where all[..<index].contains(name) {
            throw ZooError(
                .invalidArgument, "the algorithm '\(algorithm)' has two parameters for '\(name)', by their names and other names")
        }
        return self
    }
}

extension AlgorithmNeeds {
    /// Reads the `needs` object of an algorithm.
    init(json: JSONValue, of algorithm: String) throws {
        let names = json["data"]?.array ?? json["data"].map { [$0] } ?? []
        let data = names.compactMap { $0.string.flatMap(DataKind.init) }
        guard !data.isEmpty, data.count == names.count else {
            throw ZooError(
                .invalidArgument, "the needs of algorithm '\(algorithm)' name no data; expected prompts, pairs or examples")
        }
        self.init(
            data: data, roles: (json["roles"]?.array ?? []).compactMap(\.string),
            services: (json["services"]?.array ?? []).compactMap(\.string))
    }
}
