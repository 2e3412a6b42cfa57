import Foundation

/// A low-rank adapter: W x + s · B A x beside frozen weights W, with A of `r` rows. Hu et al. 2021 (arXiv:2106.09685), eq. 3.
///
/// Names, defaults and meaning are those of PEFT's `LoraConfig`.
public struct LoRAConfig: Codable, Sendable, Equatable {
    /// Which layers get an adapter.
    public enum Targets: Codable, Sendable, Equatable {
        /// What PEFT takes for a family of language models; an image model's queries, keys, values and their output.
        case standard
        /// Every projection of every block of a language model, not the head; every linear layer of an image transformer.
        case allLinear
        /// Those whose name is one of these or ends in `.` and one of these: `q_proj`, `model.layers.0.mlp.up_proj`; also a language
        /// model's `lm_head` and `embed_tokens`.
        case named([String])
        /// Those whose whole name this regular expression of Python matches.
        case pattern(String)
    }

    public var r = 8
    public var alpha = 8.0
    public var targets = Targets.standard
    /// Scales by alpha / √r in place of alpha / r. Kalajdzievski 2023 (arXiv:2312.03732).
    public var usesRSLoRA = false

    /// What a file of PEFT says beyond a recipe; nil if nothing.
    public var patterns: LoRAPatterns?

    public init() {}

    /// s of a layer that no pattern names.
    public var scale: Double { scale(r: r, alpha: alpha) }

    func scale(r: Int, alpha: Double) -> Double { usesRSLoRA ? alpha / Double(r).squareRoot() : alpha / Double(r) }

    /// Whether a recipe with `other` goes on with this adapter, though it has layers, ranks or scales of patterns, which a recipe cannot say:
    /// if it names no targets, and the rest is equal.
    package func isContinued(by other: LoRAConfig) -> Bool {
        let isPattern = if case .pattern = targets { true } else { patterns != nil }
        return isPattern && other.targets == .standard && (r, alpha) == (other.r, other.alpha) && usesRSLoRA == other.usesRSLoRA
    }

    /// Whether a module ends in one of the names.
    static func matches(_ module: String, _ names: [String]) -> Bool {
        names.contains { module == $0 || module.hasSuffix(".\($0)") }
    }

    /// A module's name in its block, from the last part on that is not a number: `q_proj`, `to_out.0`.
    static func shortName(_ module: String) -> String {
        let names = module.split(separator: ".")
        let start = names.lastIndex { Int($0) == nil } ?? 0
        return names[start...].joined(separator: ".")
    }
}
