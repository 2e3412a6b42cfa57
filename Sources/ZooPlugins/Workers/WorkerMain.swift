import Foundation
import ZooBase
import ZooKit

/// What a worker process does; the hidden commands of `zoo` call these.
public enum WorkerMain {
    /// Ends this process and its group when the host ends, and opens the channel to the host. Call it first in every worker,
    /// before any plugin is loaded; elsewhere it does nothing.
    public static func followHost() {
        guard ProcessInfo.processInfo.environment[Worker.marker] != nil else { return }
        HostChannel.open()
        // A plugin that reads its standard input is at its end at once, and one that closes it closes nothing of ours.
        let lifeline = HostChannel.moved(dup(STDIN_FILENO))
        let null = open("/dev/null", O_RDONLY)
        if null >= 0, null != STDIN_FILENO {
            dup2(null, STDIN_FILENO)
            close(null)
        }
        let thread = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(lifeline, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { break }
            }
            kill(0, SIGKILL)
        }
        thread.start()
    }

    /// Reports a value as one line of JSON.
    static func report(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let line = try encoder.encode(value)
        // By hand, in a terminal, there is no host.
        if HostChannel.isOpen { HostChannel.send(line) } else { try StandardStream.write(line + Data("\n".utf8)) }
    }
}
