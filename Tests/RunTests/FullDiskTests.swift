import Foundation
import Testing

@Suite("a disk that is full", .serialized)
struct FullDiskTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// A limit on the size of files stands for the disk: the same call fails at the same place, and everyone may set it.
    @Test("ends a run at its checkpoint with one sentence and no half-written file, and the run goes on once there is room")
    func checkpoint() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 6}\ncheckpoints: {every: 2}")
        // The plugin's copy does not fit under the limit.
        try await zoo.succeed(["train", task.recipe.path, "--set", "budget.iterations=1", "--run-dir", "before", "--quiet"])
        // The weights take 85 kB, the optimizer's moments twice that.
        let script = "trap '' XFSZ; ulimit -f $((160 * 1024 / $1)); shift; exec \"$@\""
        let block = try await FullDisk.blockSize(in: folder.url)
        let run = try RunningProcess(
            URL(fileURLWithPath: "/bin/sh"),
            [
                "-c", script, "sh", "\(block)", ZooCommand.folder.appending(path: "zoo").path, "train", task.recipe.path,
                "--run-dir", "run",
            ],
            zoo.environment, in: folder.url)
        let ended = try await run.end()
        #expect(ended.status == 74)
        let complaint = try ended.complaint
        #expect(
            complaint.contains("the checkpoint of iteration 2 in") && complaint.contains("run/checkpoints could not be written"))
        #expect(complaint.contains("the file is too large"))
        let checkpoints = folder.url.appending(path: "run/checkpoints")
        #expect(try FileManager.default.contentsOfDirectory(atPath: checkpoints.path) == [])

        try await zoo.succeed(["train", "--resume", "run"])
        #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "run/model/model.safetensors").path))
    }
}

/// A limit on the size of files in place of a disk.
enum FullDisk {
    /// Bytes in the unit of the shell's `ulimit -f`: 512 by POSIX, 1024 in some shells.
    static func blockSize(in folder: URL) async throws -> Int {
        let script = "trap '' XFSZ; ulimit -f 1; head -c 4096 /dev/zero > block 2> /dev/null; wc -c < block"
        let ended = try await RunningProcess(URL(fileURLWithPath: "/bin/sh"), ["-c", script], [:], in: folder).end()
        return try #require(Int(ended.output.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
}
