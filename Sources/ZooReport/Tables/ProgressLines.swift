import Foundation
import Synchronization
import ZooBase

/// The progress of one run or of several at once: lines redrawn in place on a terminal, a plain line every few seconds elsewhere.
///
/// ```swift
/// let progress = ProgressLines()
/// progress.update("grpo", fraction: 0.25, detail: "reward 0.41  kl 3.2")
/// progress.finish("grpo", "done in 0:41")
/// ```
public final class ProgressLines: Sendable {
    private struct Task {
        var name: String
        var fraction: Double
        var detail: String
        /// The starting point of the rate: a resumed run does not start at 0.
        var start: (fraction: Double, time: Double)
        /// Seconds that were left, by what the run knows of itself, and when it said so.
        var left: (seconds: Double, time: Double)?
    }

    private struct State {
        var tasks: [Task] = []
        /// Lines on the terminal that the next drawing replaces.
        var drawn = 0
        var lastDrawing = -Double.infinity
    }

    private let state = Mutex(State())
    private let terminal: Terminal
    private let now: @Sendable () -> Double

    /// - Parameters:
    ///   - terminal: where to draw; standard error as it is, unless given.
    ///   - now: seconds of a monotonic clock.
    public init(_ terminal: Terminal = .standardError, now: @escaping @Sendable () -> Double = monotonicSeconds) {
        self.terminal = terminal
        self.now = now
    }

    /// Says how far a run is: `fraction` of its budget, 0 to 1.
    ///
    /// - Parameter left: seconds until its end, if it knows; by default they follow from the fractions.
    public func update(_ name: String, fraction: Double, detail: String = "", left: Double? = nil) {
        state.withLock { state in
            let time = now()
            let isNew = !state.tasks.contains { $0.name == name }
            if isNew { state.tasks.append(Task(name: name, fraction: fraction, detail: "", start: (fraction, time))) }
            for index in state.tasks.indices where state.tasks[index].name == name {
                state.tasks[index].fraction = fraction.isFinite ? fraction : 0
                state.tasks[index].detail = detail.shownOnOneLine
                if let left { state.tasks[index].left = (left, time) }
            }
            let interval = terminal.redraws ? 0.1 : 5.0
            guard time - state.lastDrawing >= interval || (isNew && terminal.redraws) else { return }
            draw(&state, at: time)
        }
    }

    /// Ends a run's line; `message` stays.
    public func finish(_ name: String, _ message: String) {
        state.withLock { state in
            state.tasks.removeAll { $0.name == name }
            write("\(name.shownOnOneLine): \(message.shown)", &state)
        }
    }

    /// Writes a line that stays, above those that are redrawn.
    public func message(_ line: String) {
        state.withLock { write(line.shown, &$0) }
    }

    // MARK: - Drawing

    private func write(_ line: String, _ state: inout State) {
        terminal.write(eraser(&state) + line + "\n")
        if terminal.redraws { draw(&state, at: now()) }
    }

    private func draw(_ state: inout State, at time: Double) {
        let nameWidth = state.tasks.map(\.name.shownOnOneLine.displayWidth).max() ?? 0
        let lines = state.tasks.map { line($0, nameWidth, at: time).truncated(toWidth: terminal.width - 1) + "\n" }
        let text = eraser(&state) + lines.joined()
        if !text.isEmpty { terminal.write(text) }
        state.drawn = terminal.redraws ? lines.count : 0
        state.lastDrawing = time
    }

    /// The codes that remove what was drawn last.
    private func eraser(_ state: inout State) -> String {
        defer { state.drawn = 0 }
        return state.drawn == 0 ? "" : "\u{1B}[\(state.drawn)A\r\u{1B}[J"
    }

    private func line(_ task: Task, _ nameWidth: Int, at time: Double) -> String {
        let share = min(max(task.fraction, 0), 1)
        var parts = [task.name.shownOnOneLine.padded(toWidth: nameWidth, trailing: true)]
        if terminal.redraws { parts.append(bar(share)) }
        parts.append("\(Int(share * 100))%".padded(toWidth: 4, trailing: false))
        if share < 1 || task.left != nil {
            let left = secondsLeft(task, share, at: time).map(Self.clock) ?? "…"
            parts.append("\(left) left".padded(toWidth: 10, trailing: true))
        }
        if !task.detail.isEmpty { parts.append(task.detail) }
        return parts.joined(separator: "  ")
    }

    /// nil if that cannot be told, or is over.
    private func secondsLeft(_ task: Task, _ share: Double, at time: Double) -> Double? {
        if let (seconds, said) = task.left { return seconds > time - said ? seconds - (time - said) : nil }
        let (done, elapsed) = (share - task.start.fraction, time - task.start.time)
        return done > 0 && elapsed > 1 ? elapsed / done * (1 - share) : nil
    }

    /// Whole seconds, rounded up: `0:41`, `1:02:03`.
    private static func clock(_ seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(.up), 359_999))
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0 ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }

    private func bar(_ share: Double) -> String {
        let width = 20
        let full = Int(share * Double(width))
        return String(repeating: "━", count: full) + String(repeating: "─", count: width - full)
    }
}
