import Foundation
import ZooBase
import ZooPlugins

// The process in which `zoo` scans and checks plugins: `zoo-plugin-worker worker scan FILE ...`. It links no libtorch, so each
// costs milliseconds.
StandardStream.prepare()
let words = Array(CommandLine.arguments.dropFirst())
do {
    guard words.count > 2, words[0] == "worker", try WorkerMain.work(words[1], Array(words.dropFirst(2))) else {
        StandardStream.complain("zoo-plugin-worker: a part of zoo, which starts it; see zoo plugins check --help")
        exit(CommandStatus.usage.rawValue)
    }
} catch {
    StandardStream.complain("zoo-plugin-worker: error: \(plainWords(error))")
    exit(CommandStatus.software.rawValue)
}
