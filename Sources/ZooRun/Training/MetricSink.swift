import CZoo
import Foundation
import ZooFiles
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// One step's metrics, as they go to `metrics.jsonl`, TensorBoard and the screen.
public struct MetricRecord: Sendable, Equatable {
    public var step: Int
    public var values: [(name: String, value: Double)]

    public static func == (a: Self, b: Self) -> Bool {
        a.step == b.step && a.values.elementsEqual(b.values) { $0.name == $1.name && $0.value.bitPattern == $1.value.bitPattern }
    }
}

/// Takes a run's metrics, one record a step.
public protocol MetricSink: AnyObject {
    func record(_ record: MetricRecord) throws
    /// Samples of an evaluation along the way, as a PNG file.
    func picture(_ png: Data, step: Int) throws
    /// What the evaluation at the end found, after the last step.
    func evaluation(_ result: EvaluationResult, step: Int) throws
    /// Flushes what was recorded to the disk.
    func synchronize() throws
    func close() throws
}

extension MetricSink {
    public func picture(_ png: Data, step: Int) throws {}
    public func evaluation(_ result: EvaluationResult, step: Int) throws {}
    public func synchronize() throws {}
}
