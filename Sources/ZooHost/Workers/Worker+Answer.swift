import Foundation
import Synchronization
import ZooKit

extension Worker {
    /// What a worker left that answers with one line of JSON.
    struct Answer {
        let exit: WorkerExit
        /// The last line of its standard output.
        let line: String?
        /// The last line of its standard error; empty where there is none.
        let complaint: String

        /// The value of the line, where the worker ended well and wrote one of this type.
        func decoded<Value: Decodable>(_: Value.Type) -> Value? {
            guard exit == .ok, let line else { return nil }
            return try? JSONDecoder().decode(Value.self, from: Data(line.utf8))
        }

        /// One sentence on why there is no answer.
        func failure(of subject: String) -> String {
            if exit == .ok { return "\(subject) wrote over the answer of its worker: \(line?.prefix(200) ?? "nothing came")" }
            return exit.sentence(about: subject) + (complaint.isEmpty ? "" : ": \(complaint)")
        }
    }

    /// Runs to the end and keeps the last line of each stream. Throws where Ctrl-C ended it.
    func answer() async throws -> Answer {
        let line = Mutex<String?>(nil)
        let complaint = Mutex("")
        var worker = self
        worker.output = .lines { text in line.withLock { $0 = text } }
        worker.errors = .lines { text in complaint.withLock { $0 = text } }
        let exit = try await worker.run()
        guard !LiveWorkers.shared.wasInterrupted else { throw ZooError(.cancelled, "stopped by Ctrl-C") }
        return Answer(exit: exit, line: line.withLock { $0 }, complaint: complaint.withLock { $0 })
    }
}
