import Foundation
import Synchronization
import ZooBase
import ZooKit

extension Worker {
    /// What a worker reported that answers in lines of JSON.
    struct Answer {
        let exit: WorkerExit
        let lines: [String]
        /// The last line that its process printed; empty if there is none.
        let complaint: String

        /// One sentence on why the answer is missing or incomplete.
        func failure(of subject: String) -> String {
            let cause =
                exit == .ok ? "\(subject) called exit(0) before its worker answered" : exit.sentence(about: subject)
            return cause + (complaint.isEmpty ? "" : "; the last line that it printed: \(complaint)")
        }
    }

    /// Runs until it has reported so many results, or to its end, and collects all lines. Throws if Ctrl-C ended it.
    ///
    /// - Parameter isResult: Tells a result from what is reported on the way.
    func answer(lines count: Int = 1, isResult: @escaping @Sendable (String) -> Bool = { _ in true }) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                continuation.resume(with: Result { try self.answerAndWait(lines: count, isResult: isResult) })
            }
            thread.start()
        }
    }

    /// The same on this thread.
    func answerAndWait(lines count: Int = 1, isResult: @escaping @Sendable (String) -> Bool = { _ in true }) throws -> Answer {
        let lines = Mutex<[String]>([])
        let complaint = Mutex("")
        let note = { @Sendable (line: String) in
            let text = line.withoutEscapes
            if !text.isEmpty { complaint.withLock { $0 = String(text.prefix(500)) } }
        }
        var worker = self
        // A crash is told from the exit; a backtrace would take longer than many deadlines.
        worker.environment["SWIFT_BACKTRACE"] = "enable=no"
        worker.report = { line in
            lines.withLock {
                $0.append(line)
                return $0.count(where: isResult) >= count
            }
        }
        worker.output = .lines(note)
        worker.errors = .lines(note)
        let exit = try worker.runAndWait()
        guard !LiveWorkers.shared.wasInterrupted else { throw ZooError(.cancelled, "stopped by Ctrl-C") }
        return Answer(exit: exit, lines: lines.withLock { $0 }, complaint: complaint.withLock { $0 })
    }
}

extension String {
    /// The value in this line of JSON; nil if there is none.
    func decoded<Value: Decodable>(_: Value.Type) -> Value? { try? JSONDecoder().decode(Value.self, from: Data(utf8)) }
}
