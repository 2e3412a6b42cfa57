import Foundation
import ZooKit

extension ConformanceCase {
    /// The process that a plugin shares with its host: as it was before, after each call.
    static let hostCases: [ConformanceCase] = [
        unchanged(.arithmetic, "It leaves rounding, subnormal numbers and trapped exceptions as they are."),
        unchanged(
            .settings,
            "It leaves locale, umask, working directory, environment, limits, processors, niceness and terminal as they are."),
        unchanged(.signals, "It leaves the actions of signals, their mask and the timers as they are."),
        unchanged(.descriptors, "It leaves no file or socket open, and closes none of the host's."),
        unchanged(.processes, "It starts no process."),
        unchanged(.files, "It makes no file in the working directory, the home or the folder of temporary files."),
        .each("host/threads", "Its threads end with the algorithm.", rule: rule) { subject in
            let before = ProcessSnapshot.threads
            do {
                let session = try Session(subject.plugin(), subject.id)
                try session.step(3)
            }
            var left: [String] = []
            for _ in 0..<100 {
                left = ProcessSnapshot.threads.filter { before[$0.key] == nil }.map(\.value).sorted()
                if left.isEmpty { return "\(before.count) threads, as before" }
                usleep(10_000)
            }
            throw Finding(
                trial: "a second after destroy", expected: "\(before.count) threads, as before it was loaded",
                found: "\(left.count) more: \(left.joined(separator: ", "))")
        },
    ]

    private static let rule = "zoo/zoo.h: A plugin leaves the process as it found it"

    private static func unchanged(_ aspect: ProcessSnapshot.Aspect, _ claim: String) -> ConformanceCase {
        .each("host/\(aspect.rawValue)", claim, rule: rule) { subject in
            try ProcessWatch.run(subject, [aspect]) { watch in
                let plugin = try subject.plugin()
                var session: Session? = try watch.call("create") { try Session(plugin, subject.id) }
                for iteration in 1...3 { try watch.call("step \(iteration)") { try session?.step() } }
                let state = try watch.call("save") { try session?.algorithm.save() ?? Data() }
                let other = try Session(plugin, subject.id)
                try watch.call("load") { try other.algorithm.load(state) }
                try watch.call("destroy") { session = nil }
            }
        }
    }
}
