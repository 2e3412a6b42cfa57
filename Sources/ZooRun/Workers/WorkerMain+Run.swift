import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

extension WorkerMain {
    /// `zoo worker run FOLDER`: trains the run in the folder, from its newest checkpoint, and reports progress to the parent.
    ///
    /// - Parameters:
    ///   - isProfiled: whether its folder gets a profile.
    ///   - sinks: receive the metrics in addition to `metrics.jsonl`, after the given iteration.
    /// - Returns: the exit status: 0 if the run is finished, 130 if it was stopped, 1 if it failed.
    public static func run(
        _ folder: RunFolder, isProfiled: Bool, sinks: (_ folder: RunFolder, _ after: Int) throws -> [any MetricSink]
    ) -> Int32 {
        work { try StageRunner(folder, stop: $0, instances: $1, isProfiled: isProfiled, sinks: sinks).run() }
    }

    /// `zoo worker probe FOLDER`: probes as the spec in the folder says, and reports progress to the parent. Ends like `run`.
    public static func probe(_ folder: ProbeFolder) -> Int32 {
        work { stop, instances in
            try ProbeRunner(folder, stop: stop, instances: instances).run()
            return true
        }
    }

    /// `zoo worker trace FOLDER LIMIT`: one iteration of the run in the folder, into its `trace.jsonl`. Ends like `run`.
    public static func trace(_ folder: RunFolder, limit: Int) -> Int32 {
        work { stop, instances in
            try Trace(folder: folder, limit: limit, stop: stop, instances: instances).run()
            return true
        }
    }

    /// `zoo worker forecast FOLDER`: one iteration of the run in the folder, into its `forecast.json`. Ends like `run`.
    public static func forecast(_ folder: RunFolder) -> Int32 {
        work { stop, instances in
            try Rehearsal(folder: folder, stop: stop, instances: instances).run()
            return true
        }
    }

    /// - Parameter body: does the work; returns false if it was stopped.
    private static func work(_ body: (StopSignal, Instances) throws -> Bool) -> Int32 {
        followHost()
        let stop = StopSignal()
        let sources = stop.listen()
        defer { withExtendedLifetime(sources) {} }
        let instances = Instances()
        let status: Int32
        do {
            if try body(stop, instances) {
                RunEvent.send(.done)
                status = 0
            } else {
                RunEvent.send(.stopped)
                status = WorkerExit.interruptedStatus
            }
        } catch let error as ZooError where error.code == .cancelled && stop.isRaised {
            RunEvent.send(.stopped)
            status = WorkerExit.interruptedStatus
        } catch {
            // A failure after Ctrl-C is still a failure: without its checkpoint the run cannot continue from there.
            let failure = ZooError(plain: error)
            RunEvent.send(.failure(code: failure.code.rawValue, message: failure.message))
            status = 1
        }
        instances.destroy()
        RunEvent.send(.ended)
        HostChannel.end(status)
        return status
    }
}
