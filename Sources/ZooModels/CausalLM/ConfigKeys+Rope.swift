import Foundation
import ZooBase

/// What turns queries and keys by their positions, as `config.json` says it.
struct RopeKeys {
    var theta: Double
    var scaling = RopeScaling.none
    /// The part of each head that is turned.
    var part = 1.0
    /// The base in layers with a window, where it is another.
    var localTheta: Double?
}

extension ConfigKeys {
    /// Base and scaling of the rotary frequencies, from `rope_theta` and `rope_scaling` or from `rope_parameters`, in which the layers with
    /// a window may have their own.
    func rope(_ traits: FamilyTraits) throws -> RopeKeys {
        var rope = RopeKeys(theta: try number("rope_theta") ?? traits.defaults.ropeTheta)
        if traits.hasLocalRotation {
            rope.localTheta = try number("rope_local_base_freq") ?? traits.defaults.localRopeTheta
        }
        if traits.rotatesPart { rope.part = try number("partial_rotary_factor") ?? 1 }
        for key in ["rope_scaling", "rope_parameters"] {
            guard let value = json[key], !value.isNull else { continue }
            guard let parameters = value.object else { throw refuse(key, "null or an object") }
            let kinds = ["full_attention", "sliding_attention"].filter { parameters[$0]?.isNull == false }
            if kinds.isEmpty {
                try read(ConfigKeys(json: parameters, file: "\(file): \(key)"), traits, into: &rope)
                continue
            }
            for kind in kinds {
                guard traits.hasLocalRotation, let own = parameters[kind]?.object else {
                    throw ConfigKeys(json: parameters, file: "\(file): \(key)").refuse(kind, "the same rotation in all layers")
                }
                let place = "\(file): \(key).\(kind)"
                if kind == "full_attention" {
                    try read(ConfigKeys(json: own, file: place), traits, into: &rope)
                } else {
                    var local = RopeKeys(theta: rope.localTheta ?? traits.defaults.localRopeTheta)
                    try read(ConfigKeys(json: own, file: place), traits, into: &local)
                    guard local.scaling == .none else { throw refuse(key, "no scaling in sliding_attention") }
                    rope.localTheta = local.theta
                }
            }
        }
        return rope
    }

    /// Reads one object of parameters.
    private func read(_ inner: ConfigKeys, _ traits: FamilyTraits, into rope: inout RopeKeys) throws {
        let kind = try inner.text("rope_type") ?? inner.text("type") ?? "default"
        var known: Set = ["rope_type", "type", "rope_theta", "partial_rotary_factor"]
        switch kind {
        case "default": break
        case "linear", "dynamic":
            let factor = try inner.positive("factor")
            rope.scaling = kind == "linear" ? .linear(factor: factor) : .dynamic(factor: factor)
            // `transformers` takes the model's positions for the original ones, whatever this key says.
            known.formUnion(kind == "linear" ? ["factor"] : ["factor", "original_max_position_embeddings"])
        case "llama3":
            rope.scaling = .llama3(
                factor: try inner.positive("factor"), lowFrequencyFactor: try inner.positive("low_freq_factor"),
                highFrequencyFactor: try inner.positive("high_freq_factor"),
                originalPositions: try inner.size("original_max_position_embeddings"))
            known.formUnion(["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"])
            guard try inner.positive("low_freq_factor") < inner.positive("high_freq_factor") else {
                throw inner.refuse("low_freq_factor", "a number below high_freq_factor")
            }
        case "yarn":
            rope.scaling = .yarn(try inner.yarn())
            known.formUnion([
                "factor", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate",
                "original_max_position_embeddings",
            ])
        case "longrope", "su":
            rope.scaling = .longRoPE(try longRoPE(inner))
            known.formUnion([
                "short_factor", "long_factor", "attention_factor", "factor", "original_max_position_embeddings",
            ])
        default:
            throw ModelError(
                "\(inner.file) asks for \(kind); supported are default, linear, dynamic, llama3, yarn and longrope")
        }
        if let other = inner.json.keys.filter({ !known.contains($0) }).min(), inner.json[other]?.isNull == false {
            throw inner.refuse(other, "no such key for \(kind)")
        }
        rope.theta = try inner.number("rope_theta") ?? rope.theta
        rope.part = try inner.number("partial_rotary_factor") ?? rope.part
        guard rope.part == 1 || traits.rotatesPart else {
            throw inner.refuse("partial_rotary_factor", "1: heads turn as a whole here")
        }
    }

    private func yarn() throws -> RopeScaling.YaRN {
        func least(_ key: String) throws -> Double? {
            guard let value = try number(key) else { return nil }
            guard value >= 0, value.isFinite else { throw refuse(key, "a number from 0") }
            return value
        }
        var yarn = RopeScaling.YaRN(factor: try positive("factor"))
        yarn.attentionFactor = try least("attention_factor")
        (yarn.betaFast, yarn.betaSlow) = (try least("beta_fast"), try least("beta_slow"))
        (yarn.mscale, yarn.mscaleAllDim) = (try least("mscale"), try least("mscale_all_dim"))
        yarn.truncate = try flag("truncate")
        yarn.originalPositions = try optionalSize("original_max_position_embeddings")
        return yarn
    }

    /// The original positions stand beside the object in older files.
    private func longRoPE(_ inner: ConfigKeys) throws -> RopeScaling.LongRoPE {
        var long = RopeScaling.LongRoPE(short: try inner.factors("short_factor"), long: try inner.factors("long_factor"))
        guard long.short.count == long.long.count else {
            throw inner.refuse("long_factor", "as many numbers as short_factor has (\(long.short.count))")
        }
        long.attentionFactor = inner.json["attention_factor"]?.isNull ?? true ? nil : try inner.positive("attention_factor")
        long.factor = inner.json["factor"]?.isNull ?? true ? nil : try inner.positive("factor")
        let key = "original_max_position_embeddings"
        long.originalPositions = try inner.optionalSize(key) ?? optionalSize(key)
        return long
    }

    private func factors(_ key: String) throws -> [Double] {
        guard let values = json[key]?.array?.map(\.number), values.allSatisfy({ ($0 ?? 0) > 0 && $0?.isFinite == true }) else {
            throw refuse(key, "a list of numbers above 0")
        }
        return values.compactMap(\.self)
    }

    func positive(_ key: String) throws -> Double {
        guard let value = try number(key), value > 0, value.isFinite else { throw refuse(key, "a number above 0") }
        return value
    }
}
