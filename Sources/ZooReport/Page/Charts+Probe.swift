import ZooBase

extension Charts {
    /// The gradients of several algorithms on the same frozen samples.
    public struct Probe: Sendable, Encodable {
        public var title: String
        public var points: [Point]

        public init(title: String, points: [Point]) { (self.title, self.points) = (title, points) }

        /// One place along the training that was frozen.
        public struct Point: Sendable, Encodable {
            public var step: Int
            public var estimators: [Named]
            /// Cosine between each two estimators, in their order.
            public var cosines: [[Rounded]]
            public var baselines: [Named]

            public init(step: Int, estimators: [Named], cosines: [[Rounded]], baselines: [Named]) {
                (self.step, self.estimators, self.cosines, self.baselines) = (step, estimators, cosines, baselines)
            }
        }

        /// The figures of one estimator or baseline, by name.
        public struct Named: Sendable, Encodable {
            public var name: String
            public var figures: [String: Interval]

            public init(name: String, figures: [String: Interval]) { (self.name, self.figures) = (name, figures) }

            public func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Key.self)
                for (figure, interval) in figures { try container.encode(interval, forKey: Key(figure)) }
                try container.encode(name, forKey: Key("name"))
            }
        }

        /// A mean and its interval.
        public struct Interval: Sendable, Encodable {
            public var mean: Rounded
            public var low: Rounded
            public var high: Rounded

            public init(mean: Double, low: Double, high: Double) {
                (self.mean, self.low, self.high) = (Rounded(mean), Rounded(low), Rounded(high))
            }
        }
    }
}
