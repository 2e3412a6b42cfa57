import Foundation

/// A low-rank adapter: W x + s · B A x beside frozen weights W, with A of `r` rows. Hu et al. 2021 (arXiv:2106.09685), eq. 3.
///
/// Names, defaults and meaning are those of PEFT's `LoraConfig`.
public struct LoRAConfig: Codable, Sendable, Equatable {
    /// Which linear layers get an adapter.
    public enum Targets: Codable, Sendable, Equatable {
        /// What PEFT takes for a family of language models; an image model's queries, keys, values and their output.
        case standard
        /// Every projection of every block of a language model, not the head; every linear layer of an image transformer.
        case allLinear
        /// Those whose name is one of these or ends in `.` and one of these: `q_proj`, `model.layers.0.mlp.up_proj`.
        case named([String])
    }

    public var r = 8
    public var alpha = 8.0
    public var targets = Targets.standard
    /// Scales by alpha / √r in place of alpha / r. Kalajdzievski 2023 (arXiv:2312.03732).
    public var usesRSLoRA = false

    public init() {}

    /// s.
    public var scale: Double { usesRSLoRA ? alpha / Double(r).squareRoot() : alpha / Double(r) }

    /// Whether a module gets an adapter. `standard` are the family's own names.
    func covers(_ module: String, standard: [String]) -> Bool {
        switch targets {
        case .allLinear: true
        case .standard: Self.matches(module, standard)
        case .named(let names): Self.matches(module, names)
        }
    }

    private static func matches(_ module: String, _ names: [String]) -> Bool {
        names.contains { module == $0 || module.hasSuffix(".\($0)") }
    }

    /// A module's name in its block, from the last part on that is not a number: `q_proj`, `to_out.0`.
    static func shortName(_ module: String) -> String {
        let names = module.split(separator: ".")
        let start = names.lastIndex { Int($0) == nil } ?? 0
        return names[start...].joined(separator: ".")
    }

    /// The modules that get an adapter, in their order; throws if one of the names matches none.
    func modules(among all: [String], standard: [String]) throws -> [String] {
        if case .named(let names) = targets {
            for name in names where !all.contains(where: { Self.matches($0, [name]) }) {
                let known = Set(all.map(Self.shortName)).sorted()
                throw ModelError("target_modules: the model has no projection '\(name)'; it has \(known.joined(separator: ", "))")
            }
        }
        return all.filter { covers($0, standard: standard) }
    }
}
