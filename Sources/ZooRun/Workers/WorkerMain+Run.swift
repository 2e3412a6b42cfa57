import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

extension WorkerMain {
    /// `zoo worker run FOLDER`: trains the run in the folder, from its newest checkpoint, and reports progress to the parent.
    ///
    /// - Parameter sinks: receive the metrics in addition to `metrics.jsonl`, after the given iteration.
    /// - Returns: the exit status: 0 if the run is finished, 130 if it was stopped, 1 if it failed.
    public static func run(
        _ folder: RunFolder, sinks: (_ folder: RunFolder, _ after: Int) throws -> [any MetricSink]
    ) -> Int32 {
        work { try StageRunner(folder, stop: $0, sinks: sinks).run() }
    }

    /// `zoo worker probe FOLDER`: probes as the spec in the folder says, and reports progress to the parent. Ends like `run`.
    public static func probe(_ folder: ProbeFolder) -> Int32 {
        work { stop in
            try ProbeRunner(folder, stop: stop).run()
            return true
        }
    }

    /// - Parameter body: does the work; returns false if it was stopped.
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
            // A failure after Ctrl-C is still a failure: without its checkpoint the run cannot continue from there.
            let failure = ZooError(plain: error)
            RunEvent.send(.failure(code: failure.code.rawValue, message: failure.message))
            return 1
        }
    }
}
