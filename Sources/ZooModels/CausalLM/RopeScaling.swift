import Foundation
import ZooBase

/// How a model's rotary frequencies are stretched beyond the length that it was first trained on.
public enum RopeScaling: Sendable, Equatable {
    case none
    /// Every frequency divided by `factor`. Chen et al. 2023.
    case linear(factor: Double)
    /// Slow frequencies divided by `factor`, fast ones kept, those between mixed. Llama 3.1.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalPositions: Int)
    case yarn(YaRN)
    /// The frequencies of `none` up to the model's positions. Longer sequences, for which `transformers` takes others by the longest of
    /// the batch, are refused.
    case dynamic(factor: Double)
    case longRoPE(LongRoPE)

    /// Slow frequencies divided by `factor`, fast ones kept, those between mixed by a ramp; cosines and sines grow. Peng et al. 2023
    /// (2309.00071), eqs. 17 to 22.
    public struct YaRN: Sendable, Equatable {
        public var factor: Double
        /// The factor of cosines and sines; nil: by `mscale` and `mscaleAllDim`, or 0.1 ln(factor) + 1.
        public var attentionFactor: Double?
        /// Turns within the original positions from which on a frequency is kept, and up to which it is divided; nil: 32 and 1.
        public var betaFast: Double?, betaSlow: Double?
        public var mscale: Double?, mscaleAllDim: Double?
        /// Whether the ends of the ramp are whole numbers; nil: yes.
        public var truncate: Bool?
        /// nil: the model's positions.
        public var originalPositions: Int?

        public init(factor: Double) { self.factor = factor }
    }

    /// Each frequency divided by a number of its own; cosines and sines grow. Ding et al. 2024 (2402.13753).
    ///
    /// `long`, for sequences of more than the original positions, is kept for the file and not used: such sequences are refused.
    public struct LongRoPE: Sendable, Equatable {
        public var short: [Double], long: [Double]
        /// nil: √(1 + ln(factor) / ln(original positions)).
        public var attentionFactor: Double?
        /// By how much the positions have grown, where `originalPositions` does not say it.
        public var factor: Double?
        /// nil: the model's positions.
        public var originalPositions: Int?

        public init(short: [Double], long: [Double]) { (self.short, self.long) = (short, long) }
    }

    /// The longest sequence that the frequencies serve.
    func longest(positions: Int) -> Int {
        if case .longRoPE(let long) = self { min(positions, long.originalPositions ?? positions) } else { positions }
    }

    /// What cosines and sines are multiplied by.
    package func amplitude(positions: Int) -> Double {
        switch self {
        case .none, .linear, .llama3, .dynamic: return 1
        case .yarn(let yarn):
            func scale(_ mscale: Double) -> Double { yarn.factor <= 1 ? 1 : 0.1 * mscale * Foundation.log(yarn.factor) + 1 }
            if let said = yarn.attentionFactor { return said }
            guard let mscale = yarn.mscale, let all = yarn.mscaleAllDim, mscale != 0, all != 0 else { return scale(1) }
            return scale(mscale) / scale(all)
        case .longRoPE(let long):
            if let said = long.attentionFactor { return said }
            let original = Double(long.originalPositions ?? positions)
            let factor = long.originalPositions.map { Double(positions) / Double($0) } ?? long.factor ?? 1
            return factor <= 1 ? 1 : (1 + Foundation.log(factor) / Foundation.log(original)).squareRoot()
        }
    }

    /// θ^(-2i/width), scaled, in the single precision in which `transformers` computes them.
    package func frequencies(width: Int, theta: Double, positions: Int) -> [Float] {
        let plain = (0..<width / 2).map { 1 / Foundation.pow(Float(theta), Float(2 * $0) / Float(width)) }
        switch self {
        case .none, .dynamic: return plain
        case .linear(let factor): return plain.map { $0 / Float(factor) }
        case .llama3(let factor, let low, let high, let original):
            let length = Float(original)
            return plain.map { frequency in
                let wavelength = 2 * Float.pi / frequency
                if wavelength < length / Float(high) { return frequency }
                if wavelength > length / Float(low) { return frequency / Float(factor) }
                let smooth = (length / wavelength - Float(low)) / (Float(high) - Float(low))
                return (1 - smooth) * frequency / Float(factor) + smooth * frequency
            }
        case .yarn(let yarn):
            let (low, high) = yarn.ramp(width: width, theta: theta, positions: positions)
            return (0..<width / 2).map { index in
                let power = Foundation.pow(Float(theta), Float(2 * index) / Float(width))
                let kept = 1 - min(max((Float(index) - Float(low)) / Float(high - low), 0), 1)
                return 1 / (Float(yarn.factor) * power) * (1 - kept) + 1 / power * kept
            }
        case .longRoPE(let long):
            return (0..<width / 2).map {
                1 / (Float(long.short[$0]) * Foundation.pow(Float(theta), Float(2 * $0) / Float(width)))
            }
        }
    }
}

extension RopeScaling.YaRN {
    /// The frequencies, by number, at which the mixing begins and ends.
    fileprivate func ramp(width: Int, theta: Double, positions: Int) -> (low: Double, high: Double) {
        func place(turns: Double) -> Double {
            let wavelengths = Double(originalPositions ?? positions) / (turns * 2 * .pi)
            return Double(width) * Foundation.log(wavelengths) / (2 * Foundation.log(theta))
        }
        func or(_ value: Double?, _ standard: Double) -> Double { value == 0 ? standard : value ?? standard }
        var (low, high) = (place(turns: or(betaFast, 32)), place(turns: or(betaSlow, 1)))
        if truncate ?? true { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, Double(width - 1)))
        return (low, low == high ? high + 0.001 : high)
    }
}

// MARK: - As `config.json` holds it

extension RopeScaling {
    /// Nil for none. Older `transformers` read the kind from `type` in some families, from `rope_type` in the rest.
    func json(kindKey: String) -> JSONValue? {
        var json: JSONObject = [:]
        func set(_ key: String, _ value: Double?) { if let value { json[key] = .number(value) } }
        switch self {
        case .none: return nil
        case .linear(let factor):
            json[kindKey] = "linear"
            set("factor", factor)
        case .llama3(let factor, let low, let high, let original):
            json[kindKey] = "llama3"
            set("factor", factor)
            set("low_freq_factor", low)
            set("high_freq_factor", high)
            json["original_max_position_embeddings"] = .integer(original)
        case .yarn(let yarn):
            json[kindKey] = "yarn"
            set("factor", yarn.factor)
            set("attention_factor", yarn.attentionFactor)
            set("beta_fast", yarn.betaFast)
            set("beta_slow", yarn.betaSlow)
            set("mscale", yarn.mscale)
            set("mscale_all_dim", yarn.mscaleAllDim)
            if let truncate = yarn.truncate { json["truncate"] = .bool(truncate) }
            if let original = yarn.originalPositions { json["original_max_position_embeddings"] = .integer(original) }
        case .dynamic(let factor):
            json[kindKey] = "dynamic"
            set("factor", factor)
        case .longRoPE(let long):
            json[kindKey] = "longrope"
            json["short_factor"] = .array(long.short.map(JSONValue.number))
            json["long_factor"] = .array(long.long.map(JSONValue.number))
            set("attention_factor", long.attentionFactor)
            set("factor", long.factor)
        }
        return .object(json)
    }
}
