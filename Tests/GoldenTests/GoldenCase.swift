import Foundation
import Testing

/// Inputs and outputs of one named public function, in float64 unless its note says otherwise.
///
/// Sources call the same thing by other names; here every key has the first of ``GoldenCase/synonyms``.
struct GoldenCase: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let source: String?
    let note: String?
    let inputs: [String: GoldenValue]
    let outputs: [String: GoldenValue]

    var testDescription: String { name }

    /// 1e-5 for what ran in float32 upstream, else 1e-6.
    var tolerance: Double { note?.contains("float32") == true ? 1e-5 : 1e-6 }

    func number(_ key: String) throws -> Double { try read(key, "a number", \.number) }
    func list(_ key: String) throws -> [Double] { try read(key, "a list of numbers", \.numbers) }
    func rows(_ key: String) throws -> [[Double]] { try read(key, "rows of numbers", \.rows) }
    func has(_ keys: String...) -> Bool { keys.allSatisfy { inputs[$0] ?? outputs[$0] != nil } }
    /// The text of an input; nil where it is absent or no text.
    func text(_ key: String) -> String? { inputs[key]?.text }
    /// The number of an input; nil where it is absent or no number.
    func option(_ key: String) -> Double? { inputs[key]?.number }
    /// Whether an input is true; nil where it is absent.
    func flag(_ key: String) -> Bool? { option(key).map { $0 != 0 } }
    /// Numbers in a list, or in rows one after the other.
    func flattened(_ key: String) throws -> [Double] {
        if let rows = (inputs[key] ?? outputs[key])?.rows { return rows.flatMap { $0 } }
        return try list(key)
    }
    /// A number in an object of the outputs; nil where it is absent.
    func entry(_ key: String, in object: String) -> Double? {
        guard case .object(let members) = outputs[object] else { return nil }
        return members[key]?.number
    }

    /// Whether the name or the source's function has one of these words, in small letters. What inputs say comes first.
    func mentions(_ words: String...) -> Bool {
        let text = "\(name) \(source ?? "")".lowercased()
        return words.contains(where: text.contains)
    }

    /// "inputs G, rewards; outputs advantages".
    var keys: String {
        "inputs \(inputs.keys.sorted().joined(separator: ", ")); outputs \(outputs.keys.sorted().joined(separator: ", "))"
    }

    private func read<T>(_ key: String, _ expected: String, _ path: KeyPath<GoldenValue, T?>) throws -> T {
        guard let value = inputs[key] ?? outputs[key] else {
            throw GoldenError(description: "\(name): it has no '\(key)', which must be \(expected); it has \(keys)")
        }
        guard let value = value[keyPath: path] else {
            throw GoldenError(description: "\(name): '\(key)' is not \(expected); it has \(keys)")
        }
        return value
    }

    /// What sources call a key, the name used here first.
    private static let synonyms = [
        ["logp", "logps", "log_prob", "log_probs", "per_token_logps"],
        ["old_logp", "old_logps", "old_log_prob", "old_log_probs", "old_per_token_logps", "behaviour_logp"],
        ["sampling_logp", "sampling_per_token_logps", "rollout_log_probs", "rollout_log_prob"],
        ["correction", "vllm_importance_sampling_mode"],
        ["cap", "vllm_importance_sampling_clip_max", "vllm_importance_sampling_cap", "rollout_is_threshold"],
        ["ref_logp", "ref_logps", "ref_log_prob", "ref_log_probs", "ref_per_token_logps"],
        ["mask", "completion_mask", "response_mask", "action_mask", "loss_mask", "eos_mask"],
        ["d_logp", "grad_logp", "d_log_prob"],
        ["low", "eps", "epsilon", "epsilon_low", "eps_low", "clip_low", "clip_ratio_low", "clip_eps_low", "clip_ratio"],
        ["high", "hi", "epsilon_high", "eps_high", "clip_high", "clip_ratio_high", "clip_eps_high", "clip_higher"],
        ["dual_clip", "clip_ratio_c"],
        ["level", "importance_sampling_level"],
        [
            "bias_correction", "use_bias_correction_kl", "use_bias_correction", "bias_corrected", "bias_corrected_kl",
            "bias_corr",
            "bias", "kl_bias_correction",
        ],
        ["rewards", "scores_per_sequence"],
        ["rewards_per_func", "rewards_per_function", "reward_components"],
        ["weights", "reward_weights"],
        ["G", "group_size", "num_generations", "n_samples_per_prompt", "samples_per_prompt", "k", "n"],
        ["groups", "group", "group_ids", "index", "uid", "prompt_ids"],
        ["lengths", "lens", "len", "response_lengths", "response_length", "completion_lengths"],
        ["leave_one_out", "loo", "use_leave_one_out_baseline", "leave_one_out_baseline"],
        ["normalize", "normalize_advantages", "normalise"],
        ["by_std", "norm_adv_by_std", "norm_adv_by_std_in_grpo"],
        ["f_divergence", "f_divergence_type"], ["alpha", "f_alpha_divergence_coef"],
        ["clip", "cliprange_value", "clip_eps", "value_clip"],
        ["gamma", "discount"], ["lam", "lambda"],
        ["kl_name", "kl_penalty", "kl_estimator", "estimator"],
        ["whiten_rewards", "whitenrewards"],
        ["chosen_rewards", "chosen_reward"], ["rejected_rewards", "rejected_reward", "reject_reward"],
    ]

    private enum Key: CodingKey { case name, source, note, inputs, outputs }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        name = try container.decode(String.self, forKey: .name)
        source = try container.decodeIfPresent(String.self, forKey: .source)
        note = try container.decodeIfPresent(String.self, forKey: .note)
        inputs = Self.named(try container.decode([String: GoldenValue].self, forKey: .inputs))
        outputs = Self.named(try container.decode([String: GoldenValue].self, forKey: .outputs))
    }

    /// With each key by its name here, unless the case has that name too.
    private static func named(_ values: [String: GoldenValue]) -> [String: GoldenValue] {
        var result = values
        for names in synonyms where result[names[0]] == nil {
            if let key = names.first(where: { result[$0] != nil }) { result[names[0]] = result.removeValue(forKey: key) }
        }
        return result
    }
}

struct GoldenError: Error, CustomStringConvertible {
    let description: String
}

/// A JSON value of a golden file.
enum GoldenValue: Decodable, Sendable {
    case bool(Bool)
    case numberValue(Double)
    case string(String)
    case array([GoldenValue])
    case object([String: GoldenValue])
    case null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .numberValue(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([GoldenValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: GoldenValue].self))
        }
    }

    /// A number; true and false count as 1 and 0, and nothing is none.
    var number: Double? {
        switch self {
        case .numberValue(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    var text: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// A list of numbers, in which null and the word are NaN.
    var numbers: [Double]? {
        guard case .array(let values) = self else { return nil }
        let numbers = values.compactMap { value -> Double? in
            if case .null = value { return .nan }
            if let text = value.text { return ["nan", "none"].contains(text.lowercased()) ? .nan : nil }
            return value.number
        }
        return numbers.count == values.count ? numbers : nil
    }

    var rows: [[Double]]? {
        guard case .array(let values) = self else { return nil }
        let rows = values.compactMap(\.numbers)
        return rows.count == values.count ? rows : nil
    }
}

extension GoldenCase {
    private struct File: Decodable {
        let cases: [GoldenCase]
    }

    /// The cases of this package.
    static func fixtures() throws -> [GoldenCase] {
        try read(URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures"))
    }

    /// The cases of this package, and of the folder that the environment variable `ZOO_GOLDEN` names.
    static func all() throws -> [GoldenCase] {
        guard let more = ProcessInfo.processInfo.environment["ZOO_GOLDEN"], !more.isEmpty else { return try fixtures() }
        return try fixtures() + read(URL(fileURLWithPath: more))
    }

    private static func read(_ folder: URL) throws -> [GoldenCase] {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true  // Python writes NaN as it is.
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
            .flatMap { try decoder.decode(File.self, from: Data(contentsOf: $0)).cases }
    }
}
