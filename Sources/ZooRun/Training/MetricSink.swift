import CZoo
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// The metrics of one iteration, for `metrics.jsonl`, TensorBoard and the screen.
public struct MetricRecord: Sendable, Equatable {
    public var step: Int
    public var values: [(name: String, value: Double)]

    public static func == (a: Self, b: Self) -> Bool {
        a.step == b.step && a.values.elementsEqual(b.values) { $0.name == $1.name && $0.value.bitPattern == $1.value.bitPattern }
    }
}

/// Receives a run's metrics, one record per iteration.
public protocol MetricSink: AnyObject {
    func record(_ record: MetricRecord) throws
    /// Samples of an evaluation during training, as a PNG file.
    func image(_ png: Data, step: Int) throws
    /// The result of the final evaluation.
    func evaluation(_ result: EvaluationResult, step: Int) throws
    /// Flushes what was recorded to the disk.
    func synchronize() throws
    func close() throws
}

extension MetricSink {
    public func image(_ png: Data, step: Int) throws {}
    public func evaluation(_ result: EvaluationResult, step: Int) throws {}
    public func synchronize() throws {}
}
