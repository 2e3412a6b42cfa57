import Foundation
import ZooBase
import ZooTensor

/// How a model's rotary frequencies are stretched beyond the length that it was first trained on.
public enum RopeScaling: Sendable, Equatable {
    case none
    /// Every frequency divided by `factor`. Chen et al. 2023.
    case linear(factor: Double)
    /// Slow frequencies divided by `factor`, fast ones kept, those between mixed. Llama 3.1.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalPositions: Int)

    /// As `config.json` holds it; nil for none.
    var json: JSONValue? {
        switch self {
        case .none: nil
        case .linear(let factor): ["rope_type": "linear", "factor": .number(factor)]
        case .llama3(let factor, let low, let high, let original):
            [
                "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
                "high_freq_factor": .number(high),
                "original_max_position_embeddings": .integer(original),
            ]
        }
    }

    /// θ^(-2i/width), scaled, in the single precision in which `transformers` computes them.
    func frequencies(width: Int, theta: Double) -> [Float] {
        (0..<width / 2).map { scaled(1 / Foundation.pow(Float(theta), Float(2 * $0) / Float(width))) }
    }

    private func scaled(_ frequency: Float) -> Float {
        switch self {
        case .none: return frequency
        case .linear(let factor): return frequency / Float(factor)
        case .llama3(let factor, let low, let high, let original):
            let length = Float(original)
            let wavelength = 2 * Float.pi / frequency
            if wavelength < length / Float(high) { return frequency }
            if wavelength > length / Float(low) { return frequency / Float(factor) }
            let smooth = (length / wavelength - Float(low)) / (Float(high) - Float(low))
            return (1 - smooth) * frequency / Float(factor) + smooth * frequency
        }
    }
}

/// cos and sin of position · frequency, grown as longer sequences come. Su et al. 2021, eq. 15.
final class RotaryTable {
    private let frequencies: [Float], device: Device
    private var length = 0
    private(set) var cosine: Tensor, sine: Tensor

    init(_ config: CausalLMConfig, device: Device) {
        // A frequency of 0 rotates nothing: learned positions use the same operators.
        frequencies =
            config.family.traits.hasRotaryPositions
            ? config.ropeScaling.frequencies(width: config.headWidth, theta: config.ropeTheta)
            : Array(repeating: 0, count: config.headWidth / 2)
        self.device = device
        cosine = .zeros([0, config.headWidth / 2], device: device)
        sine = cosine
    }

    /// Makes sure that `positions` 0 ..< needed are there.
    func reserve(_ needed: Int) {
        guard needed > length else { return }
        length = max(needed, 2 * length, 64)
        // Angles are rounded to single precision where `transformers` rounds them.
        let angles = (0..<length).flatMap { position in frequencies.map { Float(position) * $0 } }
        cosine = Tensor(angles.map { Foundation.cos($0) }, shape: [length, frequencies.count], device: device)
        sine = Tensor(angles.map { Foundation.sin($0) }, shape: [length, frequencies.count], device: device)
    }
}
