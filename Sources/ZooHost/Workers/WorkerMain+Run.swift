import Foundation
import ZooKit

extension WorkerMain {
    /// `zoo worker run FOLDER`: trains the run in the folder, from its newest checkpoint, and tells the parent how it goes.
    ///
    /// - Parameter sinks: take the metrics besides `metrics.jsonl`, for the steps after the given one.
    /// - Returns: the status to end with: 0 where the run is whole, 130 where it was stopped, 1 where it failed.
    public static func run(
        _ folder: RunFolder, sinks: (_ folder: RunFolder, _ after: Int) throws -> [any MetricSink]
    ) -> Int32 {
        followHost()
        let stop = StopSignal()
        let sources = stop.listen()
        defer { withExtendedLifetime(sources) {} }
        do {
            return try StageRunner(folder, stop: stop, sinks: sinks).run() ? 0 : WorkerExit.interruptedStatus
        } catch {
            if stop.isRaised { return WorkerExit.interruptedStatus }
            let failure = error as? ZooError ?? ZooError(.invalidArgument, "\(error)")
            RunEvent.send(.failure(code: failure.code.rawValue, message: failure.message))
            return 1
        }
    }
}
