/// One training algorithm: what it is called, what it takes, and one iteration of it.
///
/// The host makes one per run and calls `step` until the budget is spent. Everything that a resumed run needs to go on bit for bit
/// lies in `state`; everything else is made anew from the parameters.
public protocol Algorithm {
    associatedtype Parameters: ParameterSet
    /// What changes from step to step, apart from the networks, the data's position and the generators, which are the host's.
    associatedtype State: Codable = Stateless

    /// Lower-case letters, digits and hyphens: "grpo".
    static var id: String { get }
    /// "Group Relative Policy Optimization".
    static var title: String { get }
    /// One line.
    static var summary: String { get }
    /// Authors, year, and where to read it.
    static var paper: String { get }
    static var needs: Needs { get }
    /// Settings of the parameters that papers and other programs name; none unless declared.
    static var presets: [Preset] { get }

    /// Makes the algorithm. No service of `host` may be called yet.
    init(parameters: Parameters, host: Host) throws

    var state: State { get set }

    /// One iteration, for example rollout, update and metrics. An error that it throws ends the run.
    mutating func step() throws
}

extension Algorithm {
    public static var presets: [Preset] { [] }
}

/// The state of an algorithm that has none.
public struct Stateless: Codable, Sendable {
    public init() {}
}

extension Algorithm where State == Stateless {
    public var state: Stateless {
        get { Stateless() }
        set {}
    }
}

/// What an algorithm asks of its host.
public struct Needs: Sendable {
    /// Which rows of the recipe's datasets it reads.
    public enum Data: String, Sendable {
        case prompts, pairs, examples
    }

    /// Any one of these suffices.
    public let data: [Data]
    public let roles: [Role]
    public let services: [String]

    /// `roles` that a parameter can do without are not listed.
    public init(data: Data..., roles: [Role], services: [String]) {
        self.data = data
        self.roles = roles
        self.services = services
    }

    var json: String {
        func list(_ names: [String]) -> String { "[\(names.map(\.quoted).joined(separator: ", "))]" }
        return "{\"data\": \(list(data.map(\.rawValue))), \"roles\": \(list(roles.map(\.name))), \"services\": \(list(services))}"
    }
}

extension Needs {
    /// Of an algorithm that samples: data, samples, rewards, networks, metrics and random numbers.
    public static let samplingServices = ["zoo.data/1", "zoo.rollout/1", "zoo.reward/1", "zoo.model/1", "zoo.log/1", "zoo.rng/1"]
    /// Of an algorithm that learns from a dataset alone: data, networks and metrics.
    public static let datasetServices = ["zoo.data/1", "zoo.model/1", "zoo.log/1"]
}
