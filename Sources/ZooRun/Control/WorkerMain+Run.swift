import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

extension WorkerMain {
    /// `zoo worker run FOLDER`: trains the run in the folder, from its newest checkpoint, and tells the parent how it goes.
    ///
    /// - Parameter sinks: take the metrics besides `metrics.jsonl`, for the steps after the given one.
    /// - Returns: the status to end with: 0 where the run is whole, 130 where it was stopped, 1 where it failed.
    public static func run(
        _ folder: RunFolder, sinks: (_ folder: RunFolder, _ after: Int) throws -> [any MetricSink]
    ) -> Int32 {
        work { try StageRunner(folder, stop: $0, sinks: sinks).run() }
    }

    /// `zoo worker probe FOLDER`: probes as the spec in the folder says, and tells the parent how it goes. Ends as `run` does.
    public static func probe(_ folder: ProbeFolder) -> Int32 {
        work { stop in
            try ProbeRunner(folder, stop: stop).run()
            return true
        }
    }

    /// - Parameter body: does the work; false where it was stopped.
    private static func work(_ body: (StopSignal) throws -> Bool) -> Int32 {
        followHost()
        let stop = StopSignal()
        let sources = stop.listen()
        defer { withExtendedLifetime(sources) {} }
        do {
            if try body(stop) { return 0 }
            RunEvent.send(.stopped)
            return WorkerExit.interruptedStatus
        } catch let error as ZooError where error.code == .cancelled && stop.isRaised {
            RunEvent.send(.stopped)
            return WorkerExit.interruptedStatus
        } catch {
            // What fails after Ctrl-C fails all the same: without its checkpoint the run does not go on from there.
            let failure = ZooError(plain: error)
            RunEvent.send(.failure(code: failure.code.rawValue, message: failure.message))
            return 1
        }
    }
}
