import Foundation
import Synchronization
import ZooKit

/// Says once, while a call of the algorithm's `step` takes far longer than any before it, that it has not come back.
///
/// It ends nothing: only a person knows whether the call hangs or is slow. It looks from a thread of its own, for the call's is busy.
package final class StepWatch: Sendable {
    /// How long a call is waited for at least.
    private let patience: Duration
    private let say: @Sendable (String) -> Void

    private struct State {
        var iteration = 0
        /// When the call began that runs; nil between calls.
        var began: ContinuousClock.Instant?
        var longest: Duration?
        var hasSaid = false
    }

    private let state = Mutex(State())
    nonisolated(unsafe) private let timer: any DispatchSourceTimer

    /// A call is late that has taken so many times the longest so far.
    private static let factor = 20
    /// The first one has nothing to be compared with; and a large model is slow.
    private static let firstFactor = 6

    /// - Parameters:
    ///   - patience: five minutes unless a test says otherwise.
    ///   - say: gets the sentence, on another thread.
    package init(patience: Duration = .seconds(300), say: @escaping @Sendable (String) -> Void) {
        (self.patience, self.say) = (patience, say)
        timer = DispatchSource.makeTimerSource(queue: .global())
        let seconds = patience / .seconds(10)
        timer.schedule(deadline: .now() + seconds, repeating: seconds)
        timer.setEventHandler { [weak self] in self?.look() }
        timer.activate()
    }

    deinit { timer.cancel() }

    /// Runs a call under the watch.
    package func during<R>(iteration: Int, _ body: () throws -> R) rethrows -> R {
        let start = ContinuousClock.now
        state.withLock { ($0.iteration, $0.began, $0.hasSaid) = (iteration, start, false) }
        defer {
            state.withLock { state in
                state.began = nil
                state.longest = max(state.longest ?? .zero, start.duration(to: .now))
            }
        }
        return try body()
    }

    private func look() {
        let sentence: String? = state.withLock { state in
            guard let began = state.began, !state.hasSaid else { return nil }
            let taken = began.duration(to: .now)
            let limit = state.longest.map { max(patience, $0 * Self.factor) } ?? patience * Self.firstFactor
            guard taken >= limit else { return nil }
            state.hasSaid = true
            let before = state.longest.map { "the longest so far took \(Self.words($0))" } ?? "it is the first one"
            return "iteration \(state.iteration) has not come back for \(Self.words(taken)); \(before)"
        }
        if let sentence { say(sentence) }
    }

    private static func words(_ duration: Duration) -> String {
        let seconds = duration / .seconds(1)
        return seconds < 120 ? "\(seconds.formatted(.number.precision(.significantDigits(1...2)))) s" : "\(Int(seconds / 60)) min"
    }
}
