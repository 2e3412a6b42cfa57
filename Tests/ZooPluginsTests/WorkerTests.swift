import Foundation
import Synchronization
import Testing
import ZooKit
import ZooPlugins

@Suite("a worker")
struct WorkerTests {
    /// A worker that runs a shell script.
    private func shell(_ script: String, deadline: Double? = 20) -> Worker {
        Worker(["-c", script], deadline: deadline, output: .lines { _ in }, errors: .lines { _ in }, executable: "/bin/sh")
    }

    @Test(
        "ends are told apart",
        arguments: [
            ("exit 0", WorkerExit.ok), ("exit 3", .failed(status: 3)), ("exit 127", .unboundSymbol),
            ("exit 130", .failed(status: 130)),
            ("kill -ILL $$", .trap), ("kill -TRAP $$", .trap), ("kill -ABRT $$", .abort), ("kill -SEGV $$", .segfault),
            ("kill -BUS $$", .segfault), ("kill -KILL $$", .killed), ("kill -INT $$", .signal(2)),
            ("kill -TERM $$", .signal(15)),
        ])
    func exits(script: String, expected: WorkerExit) async throws {
        #expect(try await shell(script).run() == expected)
    }

    @Test("each end is a sentence that names the run")
    func sentences() {
        let exits: [WorkerExit] = [
            .failed(status: 3), .interrupted, .trap, .abort, .segfault, .unboundSymbol, .killed, .signal(15), .deadline(5),
        ]
        let sentences = exits.map { $0.sentence(about: "run grpo-0") }
        #expect(sentences.allSatisfy { $0.hasPrefix("run grpo-0 ") })
        #expect(Set(sentences).count == exits.count)
        #expect(sentences[8] == "run grpo-0 did not end within 5 s and was killed")
    }

    @Test("is killed at its deadline with everything that it started, even where it ignores SIGTERM")
    func deadline() async throws {
        try await PluginFixture.withFolder { folder in
            let script = "trap '' TERM; (trap '' TERM; sleep 100000) & echo $! > \(folder)/child; while :; do sleep 1; done"
            // No limit on the wall: a busy machine may let this test wait for minutes. What the script started would sleep
            // for a day, so that it is gone is the kill's doing.
            #expect(try await shell(script, deadline: 0.5).run() == .deadline(0.5))
            let text = try String(contentsOfFile: folder + "/child", encoding: .utf8)
            let child = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
            var isGone = false
            for _ in 0..<1_000 where !isGone {
                isGone = kill(child, 0) != 0 || Self.isZombie(child)
                usleep(20_000)
            }
            #expect(isGone)
        }
    }

    private static func isZombie(_ process: pid_t) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return status?.contains(") Z ") ?? false
    }

    @Test("hands on its output line by line, the last one without a newline too")
    func lines() async throws {
        let (out, err) = (Lines(), Lines())
        let worker = Worker(
            ["-c", "printf 'one\\ntwo\\nthree'; echo four >&2"], deadline: 20, output: .lines(out.add), errors: .lines(err.add),
            executable: "/bin/sh")
        #expect(try await worker.run() == .ok)
        #expect(out.all == ["one", "two", "three"])
        #expect(err.all == ["four"])
    }

    @Test("does not lose a long output")
    func longOutput() async throws {
        let out = Lines()
        let worker = Worker(
            ["-c", "i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done"], deadline: 60, output: .lines(out.add),
            executable: "/bin/sh")
        #expect(try await worker.run() == .ok)
        #expect(out.all == (0..<20_000).map { "line-\($0)" })
    }

    @Test("binds at load, leaves the cores to others, and takes the environment it was given")
    func environment() async throws {
        let out = Lines()
        let worker = Worker(
            ["-c", "echo $LD_BIND_NOW $OMP_WAIT_POLICY $GOMP_SPINCOUNT $FLAVOUR; echo $GLIBC_TUNABLES"],
            environment: ["FLAVOUR": "mint"], deadline: 20, output: .lines(out.add), executable: "/bin/sh")
        #expect(try await worker.run() == .ok)
        #expect(out.all.first == "1 passive 2000 mint")
        // Beside what the user's environment says of the same.
        #expect(out.all.last?.hasSuffix("glibc.malloc.hugetlb=1") == true)
    }

    @Test("runs in a process group of its own")
    func group() async throws {
        let out = Lines()
        let worker = Worker(["-c", "ps -o pgid= -p $$; echo $$"], deadline: 20, output: .lines(out.add), executable: "/bin/sh")
        #expect(try await worker.run() == .ok)
        #expect(Set(out.all.map { $0.trimmingCharacters(in: .whitespaces) }).count == 1)
    }

    @Test("an executable that is not there is an error, not an exit")
    func noExecutable() {
        #expect(throws: ZooError.self) { try Worker([], executable: "/no/such/executable").runAndWait() }
    }
}

/// Lines that a worker wrote.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    @Sendable func add(_ line: String) { lines.withLock { $0.append(line) } }
}
