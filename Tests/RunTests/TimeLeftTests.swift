import Testing
import ZooRun
import ZooServices

@Suite("the time that a run has left")
struct TimeLeftTests {
    @Test("from the third iteration on it is that of the others, whatever the first one took")
    func pace() {
        var left = TimeLeft()
        #expect(left.seconds(after: 0, checkpointEvery: 0) == nil)
        left.note(seconds: 60, share: 0.01)
        #expect(left.seconds(after: 0.01, checkpointEvery: 0) == 5940.0)
        left.note(seconds: 2, share: 0.01)
        left.note(seconds: 2, share: 0.01)
        #expect(left.iterations(after: 0.03) == 97.0)
        #expect(left.seconds(after: 0.03, checkpointEvery: 0) == 194.0)
    }

    @Test("checkpoints count, and iterations that get slower")
    func checkpoints() {
        var left = TimeLeft()
        for _ in 0..<30 { left.note(seconds: 1, share: 0.01) }
        left.noteCheckpoint(seconds: 5)
        #expect(left.seconds(after: 0.3, checkpointEvery: 10) == 105.0)
        for _ in 0..<20 { left.note(seconds: 3, share: 0.01) }
        #expect(left.seconds(after: 0.5, checkpointEvery: 0) == 150.0)
        #expect(left.seconds(after: 1, checkpointEvery: 10) == 0.0)
    }

    @Test("the tenths of the budget that are still to be measured at are counted")
    func tenths() {
        var schedule = EvaluationSchedule(cost: 1, leastPart: 0.1)
        #expect(schedule.left == 10)
        _ = schedule.due(fraction: 0.25, flops: 1e9)
        #expect(schedule.left == 8)
        _ = schedule.due(fraction: 1, flops: 1e9)
        #expect(schedule.left == 0)
    }
}
