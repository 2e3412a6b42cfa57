import Foundation
import ZooBase
import ZooTensor

/// The noise levels of a sampler, as diffusers' `FlowMatchEulerDiscreteScheduler` computes them.
public struct FlowSchedule: Sendable, Equatable {
    /// Above 1 spends more steps at high noise: σ ← shift σ / (1 + (shift - 1) σ). Esser et al. 2024, eq. 23.
    public var shift: Double
    /// In its place, a shift that grows with the image, as FLUX.1-dev has it; nil: the static one.
    public var dynamic: DynamicShift?

    /// A shift of e^μ, where μ is linear in the number of an image's tokens. diffusers' `calculate_shift`.
    public struct DynamicShift: Sendable, Equatable {
        public var baseTokens = 256, maxTokens = 4096
        public var baseShift = 0.5, maxShift = 1.15

        public init() {}

        func mu(_ tokens: Int) -> Double {
            let slope = (maxShift - baseShift) / Double(maxTokens - baseTokens)
            return Double(tokens) * slope + baseShift - slope * Double(baseTokens)
        }
    }

    public init(shift: Double = 1, dynamic: DynamicShift? = nil) { (self.shift, self.dynamic) = (shift, dynamic) }

    /// σ of `steps` steps with the final 0: from 1 to 1/steps evenly, as diffusers' Flux pipelines ask for, then shifted.
    ///
    /// - Parameter tokens: of the image, in patches of 2 × 2.
    public func sigmas(_ steps: Int, tokens: Int) -> [Double] {
        var sigmas: [Double] = []
        // Rounded to single precision where diffusers rounds.
        let shift = Float(dynamic.map { exp($0.mu(tokens)) } ?? shift)
        for index in 0..<steps {
            let drop = steps == 1 ? 0 : Double(index) * (1 - 1 / Double(steps)) / Double(steps - 1)
            let even = Float(1 - drop)
            sigmas.append(
                Double(dynamic == nil ? shift * even / (1 + (shift - 1) * even) : shift / (shift + (1 / even - 1))))
        }
        return sigmas + [0]
    }

    static let className = "FlowMatchEulerDiscreteScheduler"

    /// Reads `scheduler_config.json`; whatever bends the static shift is refused by name.
    init(keys: ConfigKeys) throws {
        try keys.require("_class_name", is: Self.className, hint: "the scheduler of flow matching")
        for key in ["invert_sigmas", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"]
        where try keys.flag(key) ?? false {
            throw keys.refuse(key, "false: only a static shift and the one that grows with the image are supported")
        }
        if let terminal = try keys.number("shift_terminal"), terminal != 0 { throw keys.refuse("shift_terminal", "null") }
        shift = try keys.number("shift") ?? 1
        guard shift > 0, shift.isFinite else { throw keys.refuse("shift", "a positive number") }
        guard try keys.flag("use_dynamic_shifting") ?? false else { return }
        if let type = keys.json["time_shift_type"], type.string != "exponential" {
            throw keys.refuse("time_shift_type", "exponential")
        }
        var own = DynamicShift()
        own.baseTokens = try keys.integer("base_image_seq_len") ?? own.baseTokens
        own.maxTokens = try keys.integer("max_image_seq_len") ?? own.maxTokens
        own.baseShift = try keys.number("base_shift") ?? own.baseShift
        own.maxShift = try keys.number("max_shift") ?? own.maxShift
        guard own.maxTokens > own.baseTokens else { throw keys.refuse("max_image_seq_len", "more than base_image_seq_len") }
        for (key, value) in [("base_shift", own.baseShift), ("max_shift", own.maxShift)] where !(abs(value) <= 100) {
            throw keys.refuse(key, "a number from -100 to 100")
        }
        dynamic = own
    }

    var json: JSONObject {
        var json: JSONObject = [
            "_class_name": .string(Self.className), "num_train_timesteps": 1000, "shift": .number(shift),
            "use_dynamic_shifting": .bool(dynamic != nil),
        ]
        if let dynamic {
            json["base_image_seq_len"] = .integer(dynamic.baseTokens)
            json["max_image_seq_len"] = .integer(dynamic.maxTokens)
            json["base_shift"] = .number(dynamic.baseShift)
            json["max_shift"] = .number(dynamic.maxShift)
            json["time_shift_type"] = "exponential"
        }
        return json
    }
}
