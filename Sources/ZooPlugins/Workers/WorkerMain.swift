import Foundation
import ZooBase
import ZooKit

/// What a worker process does; the hidden commands of `zoo` call these.
public enum WorkerMain {
    /// Ends this process and its group when the host ends. Call it first in every worker; elsewhere it does nothing.
    public static func followHost() {
        guard ProcessInfo.processInfo.environment[Worker.marker] != nil else { return }
        let thread = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { break }
            }
            kill(0, SIGKILL)
        }
        thread.start()
    }

    /// Prints a value as one line of JSON.
    static func printLine(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        var line = try encoder.encode(value)
        line.append(UInt8(ascii: "\n"))
        try StandardStream.write(line)
    }
}
