import Foundation
import Synchronization
import Testing
import ZooRun

@Suite("a call of step that does not come back")
struct StepWatchTests {
    @Test("is told of once, with what the calls before it took, and then waited for")
    func late() {
        let said = Mutex<[String]>([])
        let second = DispatchSemaphore(value: 0)
        let watch = StepWatch(patience: .milliseconds(100)) { sentence in
            said.withLock { $0.append(sentence) }
            if sentence.hasPrefix("iteration 2 ") { second.signal() }
        }
        watch.during(iteration: 1) {}
        watch.during(iteration: 2) {
            second.wait()
            usleep(100_000)  // ten looks more
        }
        let sentences = said.withLock { $0 }.filter { $0.hasPrefix("iteration 2 ") }
        #expect(sentences.count == 1)
        #expect(sentences.allSatisfy { $0.contains("has not come back for") && $0.contains("; the longest so far took") })
    }
}
