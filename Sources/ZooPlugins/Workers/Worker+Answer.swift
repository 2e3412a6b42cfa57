import Foundation
import Synchronization
import ZooKit

extension Worker {
    /// The output of a worker that answers in lines of JSON.
    struct Answer {
        let exit: WorkerExit
        /// Its standard output.
        let lines: [String]
        /// The last line of its standard error; empty if there is none.
        let complaint: String

        /// One sentence on why the answer is missing or incomplete.
        ///
        /// - Parameter answered: lines that answered for others before it.
        func failure(of subject: String, after answered: Int = 0) -> String {
            if exit == .ok {
                guard lines.count > answered else { return "\(subject) called exit(0) before its worker answered" }
                return "\(subject) overwrote the answer of its worker: \(lines.last?.prefix(200) ?? "no answer")"
            }
            return exit.sentence(about: subject) + (complaint.isEmpty ? "" : ": \(complaint)")
        }
    }

    /// Runs to the end and collects its output. Throws if Ctrl-C ended it.
    func answer() async throws -> Answer {
        let lines = Mutex<[String]>([])
        let complaint = Mutex("")
        var worker = self
        worker.output = .lines { line in lines.withLock { $0.append(line) } }
        worker.errors = .lines { line in complaint.withLock { $0 = line } }
        let exit = try await worker.run()
        guard !LiveWorkers.shared.wasInterrupted else { throw ZooError(.cancelled, "stopped by Ctrl-C") }
        return Answer(exit: exit, lines: lines.withLock { $0 }, complaint: complaint.withLock { $0 })
    }
}

extension String {
    /// The value in this line of JSON; nil for any other line, such as a plugin's own output.
    func decoded<Value: Decodable>(_: Value.Type) -> Value? { try? JSONDecoder().decode(Value.self, from: Data(utf8)) }
}
