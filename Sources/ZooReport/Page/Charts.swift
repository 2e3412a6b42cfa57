import Foundation

/// What the charts of a page are drawn from.
public struct Charts: Sendable, Encodable {
    /// In the order of their colours.
    public var variants: [String] = []
    public var curves = Curves()
    public var plane = Plane()
    public var costs: [Cost] = []
    public var probes: [Probe] = []
    public var samples: [Sample] = []

    public init() {}

    /// A choice: its label, and the group it is listed in.
    public struct Choice: Sendable, Encodable, Equatable {
        public var id: String
        public var title: String
        public var group: String?

        public init(_ id: String, _ title: String, group: String? = nil) {
            self.id = id
            self.title = title
            self.group = group
        }
    }

    public struct Curves: Sendable, Encodable {
        public var axes: [Choice] = []
        public var metrics: [Choice] = []
        /// The metrics to show at first: the first of them that there is.
        public var first: [String] = []
        public var series: [Series] = []

        public init() {}

        /// The curves of one variant, over its seeds.
        public struct Series: Sendable, Encodable {
            public var variant: String
            /// By axis, a value at each kept step; `step` is always there.
            public var axes: [String: [Rounded]]
            public var metrics: [String: Curve]

            public init(variant: String, axes: [String: [Rounded]], metrics: [String: Curve]) {
                self.variant = variant
                self.axes = axes
                self.metrics = metrics
            }
        }

        public struct Curve: Sendable, Encodable, Equatable {
            /// Indices into the axes; nil: at every kept step.
            public var at: [Int]?
            public var mean: [Rounded]
            /// nil if no step has more than one seed.
            public var low: [Rounded]?
            public var high: [Rounded]?
        }
    }

    /// Reward against the distance to the base model.
    public struct Plane: Sendable, Encodable {
        /// A reward of the points, and the KL that it belongs to.
        public struct Reward: Sendable, Encodable {
            public var id: String
            public var title: String
            public var kl: String

            public init(_ id: String, _ title: String, kl: String = "kl") {
                (self.id, self.title, self.kl) = (id, title, kl)
            }
        }

        public var rewards: [Reward] = []
        public var points: [Point] = []
        /// The same during training, where it was measured.
        public var ways: [Point] = []
        /// The highest possible reward at a KL, by reward, if known: pairs of both.
        public var frontiers: [String: [[Rounded]]] = [:]
        /// Curves fitted to the gold reward during training, by variant: √KL and reward.
        public var fits: [Fit] = []

        public init() {}

        public struct Fit: Sendable, Encodable {
            public var variant: String
            public var curve: [[Rounded]]

            /// - Parameter base: the base model's reward, which the fit is measured from.
            public init(_ variant: String, _ fit: OveroptimisationFit, base: Double, to distance: Double) {
                self.variant = variant
                curve = (0...60).map { index in
                    let d = distance * Double(index) / 60
                    return [Rounded(d), Rounded(base + fit(d))]
                }
            }
        }
    }

    /// One run, or one step of a variant: where it is on the plane.
    public struct Point: Sendable, Encodable {
        public var variant: String
        public var seed: UInt64?
        public var step: Int?
        /// The sweep that the variant is of, and its value there.
        public var series: String?
        public var value: Double?
        /// `kl` in nats and the rewards, by name.
        public var values: [String: Double]

        public init(variant: String, seed: UInt64?, step: Int?, series: String?, value: Double?, values: [String: Double]) {
            self.variant = variant
            self.seed = seed
            self.step = step
            self.series = series
            self.value = value
            self.values = values
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            for (name, value) in values { try container.encode(Rounded(value), forKey: Key(name)) }
            try container.encode(variant, forKey: Key("variant"))
            try container.encodeIfPresent(seed, forKey: Key("seed"))
            try container.encodeIfPresent(step, forKey: Key("step"))
            try container.encodeIfPresent(series, forKey: Key("series"))
            try container.encodeIfPresent(value, forKey: Key("value"))
        }
    }

    /// What one resource went into, by variant.
    public struct Cost: Sendable, Encodable {
        public var id: String
        public var title: String
        public var unit: String
        /// In the order in which they are stacked.
        public var parts: [String]
        public var values: [Value]

        public struct Value: Sendable, Encodable {
            public var variant: String
            public var part: String
            public var value: Rounded
            /// The formatted value.
            public var text: String

            public init(variant: String, part: String, value: Rounded, text: String) {
                (self.variant, self.part, self.value, self.text) = (variant, part, value, text)
            }
        }

        public init(id: String, title: String, unit: String, parts: [String], values: [Value]) {
            (self.id, self.title, self.unit, self.parts, self.values) = (id, title, unit, parts, values)
        }
    }

    /// What the base model and the variants made of one prompt.
    public struct Sample: Sendable, Encodable {
        public var prompt: String
        public var answers: [Answer]

        public struct Answer: Sendable, Encodable {
            public var variant: String
            public var text: String
            public var gold: Double?

            public init(variant: String, text: String, gold: Double?) {
                (self.variant, self.text, self.gold) = (variant, text, gold.flatMap { $0.isFinite ? $0 : nil })
            }
        }

        public init(prompt: String, answers: [Answer]) { (self.prompt, self.answers) = (prompt, answers) }
    }

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

/// A number as a chart needs it: five significant digits, null if it is not finite.
public struct Rounded: Sendable, Encodable, Equatable {
    public var value: Double?

    public init(_ value: Double?) {
        self.value = value.flatMap { $0.isFinite ? Double(String(format: "%.5g", $0)) : nil }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        // A whole number without its ".0".
        if let value, abs(value) < 1e15, let whole = Int(exactly: value) { return try container.encode(whole) }
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}
