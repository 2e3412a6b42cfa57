import Foundation
import ZooBase
import ZooTensor

/// The noise levels of a sampler, as diffusers' `FlowMatchEulerDiscreteScheduler` computes them with a static shift.
public struct FlowSchedule: Sendable, Equatable {
    /// Above 1 spends more steps at high noise: σ ← shift σ / (1 + (shift - 1) σ). Esser et al. 2024, eq. 23.
    public var shift: Double

    public init(shift: Double = 1) { self.shift = shift }

    /// σ of `steps` steps with the final 0: from 1 to 1/steps evenly, as diffusers' Flux pipelines ask for, then shifted.
    public func sigmas(_ steps: Int) -> [Double] {
        var sigmas: [Double] = []
        // Rounded to single precision where diffusers rounds.
        let shift = Float(shift)
        for index in 0..<steps {
            let drop = steps == 1 ? 0 : Double(index) * (1 - 1 / Double(steps)) / Double(steps - 1)
            let even = Float(1 - drop)
            sigmas.append(Double(shift * even / (1 + (shift - 1) * even)))
        }
        return sigmas + [0]
    }

    static let className = "FlowMatchEulerDiscreteScheduler"

    /// Reads `scheduler_config.json`; whatever bends the static shift is refused by name.
    init(keys: ConfigKeys) throws {
        try keys.require("_class_name", is: Self.className, hint: "the scheduler of flow matching")
        for key in ["use_dynamic_shifting", "invert_sigmas", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"]
        where try keys.flag(key) ?? false {
            throw keys.refuse(key, "false: only a static shift is supported")
        }
        if let terminal = try keys.number("shift_terminal"), terminal != 0 { throw keys.refuse("shift_terminal", "null") }
        shift = try keys.number("shift") ?? 1
        guard shift > 0, shift.isFinite else { throw keys.refuse("shift", "a positive number") }
    }

    var json: JSONObject {
        [
            "_class_name": .string(Self.className), "num_train_timesteps": 1000, "shift": .number(shift),
            "use_dynamic_shifting": false,
        ]
    }
}
