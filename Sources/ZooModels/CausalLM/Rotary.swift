import Foundation
import ZooTensor

/// cos and sin of position · frequency, grown as longer sequences come. Su et al. 2021, eq. 15.
final class RotaryTable {
    private let frequencies: [Float], amplitude: Float, device: Device
    private var length = 0
    /// `[positions, turned / 2]`; the rest of a head's numbers stay as they are.
    private(set) var cosine: Tensor, sine: Tensor

    init(frequencies: [Float], amplitude: Double = 1, device: Device) {
        (self.frequencies, self.amplitude, self.device) = (frequencies, Float(amplitude), device)
        cosine = .zeros([0, frequencies.count], device: device)
        sine = cosine
    }

    /// A table for each layer; layers of the same rotation share one.
    static func ofLayers(_ config: CausalLMConfig, device: Device) -> [RotaryTable] {
        let width = config.rotatedWidth
        let (positions, scaling) = (config.maxPositions, config.ropeScaling)
        let none = RotaryTable(frequencies: [], device: device)
        let plain = RotaryTable(
            frequencies: scaling.frequencies(width: width, theta: config.ropeTheta, positions: positions),
            amplitude: scaling.amplitude(positions: positions), device: device)
        let local = config.localRopeTheta.map {
            RotaryTable(
                frequencies: RopeScaling.none.frequencies(width: width, theta: $0, positions: positions), device: device)
        }
        return (0..<config.layers).map { layer in
            if width == 0 || config.rotatedLayers?[layer] == false { return none }
            return config.isWindowed(layer: layer) ? local ?? plain : plain
        }
    }

    /// Makes sure that `positions` 0 ..< needed are there.
    func reserve(_ needed: Int) {
        guard needed > length else { return }
        length = max(needed, 2 * length, 64)
        // Angles are rounded to single precision where `transformers` rounds them.
        let angles = (0..<length).flatMap { position in frequencies.map { Float(position) * $0 } }
        cosine = Tensor(angles.map { Foundation.cos($0) * amplitude }, shape: [length, frequencies.count], device: device)
        sine = Tensor(angles.map { Foundation.sin($0) * amplitude }, shape: [length, frequencies.count], device: device)
    }
}
