import Synchronization
import Testing
import ZooReport

/// A terminal and a clock that a test sets.
private final class Screen: Sendable {
    private let state = Mutex((text: "", time: 0.0))

    func progress(redraws: Bool, width: Int = 80) -> ProgressLines {
        let terminal = Terminal(redraws: redraws, width: width) { text in self.state.withLock { $0.text += text } }
        return ProgressLines(terminal) { self.state.withLock(\.time) }
    }

    func wait(_ seconds: Double) { state.withLock { $0.time += seconds } }

    /// What was written since the last time.
    func take() -> String {
        state.withLock { state in
            defer { state.text = "" }
            return state.text
        }
    }
}

@Suite("progress")
struct ProgressTests {
    @Test("elsewhere than on a terminal there is a plain line every five seconds")
    func plain() {
        let screen = Screen()
        let progress = screen.progress(redraws: false)
        progress.update("grpo", fraction: 0, detail: "reward 0.1")
        #expect(screen.take() == "grpo    0%  … left      reward 0.1\n")
        screen.wait(4)
        progress.update("grpo", fraction: 0.2)
        #expect(screen.take() == "")
        screen.wait(6)
        progress.update("grpo", fraction: 0.25, detail: "reward 0.5")
        #expect(screen.take() == "grpo   25%  0:30 left   reward 0.5\n")
        progress.finish("grpo", "done in 0:40")
        #expect(screen.take() == "grpo: done in 0:40\n")
    }

    @Test("on a terminal each run has a line that is redrawn, at most ten times a second")
    func redrawn() {
        let screen = Screen()
        let progress = screen.progress(redraws: true)
        progress.update("a", fraction: 0.5)
        #expect(screen.take() == "a  ━━━━━━━━━━──────────   50%  … left    \n")
        progress.update("bb", fraction: 0)
        let two = "a   ━━━━━━━━━━──────────   50%  … left    \nbb  ────────────────────    0%  … left    \n"
        #expect(screen.take() == "\u{1B}[1A\r\u{1B}[J" + two)
        progress.update("bb", fraction: 0.1)
        #expect(screen.take() == "")
        progress.finish("bb", "done")
        #expect(screen.take() == "\u{1B}[2A\r\u{1B}[Jbb: done\na  ━━━━━━━━━━──────────   50%  … left    \n")
    }

    @Test("a resumed run's time left counts from where it took up")
    func resumed() {
        let screen = Screen()
        let progress = screen.progress(redraws: false)
        progress.update("r", fraction: 0.8)
        screen.wait(10)
        _ = screen.take()
        progress.update("r", fraction: 0.9)
        #expect(screen.take() == "r   90%  0:10 left \n")
    }

    @Test("no line is wider than the terminal")
    func narrow() {
        let screen = Screen()
        screen.progress(redraws: true, width: 30).update("a", fraction: 0.5, detail: String(repeating: "x", count: 50))
        #expect(screen.take().displayWidth == 29)
    }
}
