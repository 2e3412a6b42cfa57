import CProcess
import Foundation
import ZooBase
import ZooKit

/// Watches the process that a plugin shares with its host, in the folders of its case, and fails at the call that changes it.
final class ProcessWatch {
    private let subject: Subject
    private let aspects: [ProcessSnapshot.Aspect]
    /// Calls that were watched.
    private(set) var count = 0

    private init(_ subject: Subject, _ aspects: [ProcessSnapshot.Aspect]) {
        (self.subject, self.aspects) = (subject, aspects)
    }

    /// Loads the plugin under the watch, then runs `body`.
    static func run(_ subject: Subject, _ aspects: [ProcessSnapshot.Aspect], _ body: (ProcessWatch) throws -> Void) throws
        -> String
    {
        zoo_adopt_descendants()
        defer { for child in ProcessSnapshot.children { kill(child.number, SIGKILL) } }
        let watch = ProcessWatch(subject, aspects)
        let path = try PluginFile.checked(subject.path)
        for aspect in aspects { _ = ProcessSnapshot(aspect) }
        _ = try? DynamicLibrary(path: "/no/such/library.so")  // The loader's own settings.
        let library = try watch.call("loading, with its static constructors") { try DynamicLibrary(path: path) }
        _ = try watch.call("the entry") { try Plugin.entry(of: library)() }
        try body(watch)
        return "\(watch.count) calls"
    }

    /// Throws what the call changed.
    func call<R>(_ name: String, _ body: () throws -> R) throws -> R {
        try subject.attempt(name) {
            let before = aspects.map { ProcessSnapshot($0) }
            let result = try body()
            let after = aspects.map { ProcessSnapshot($0) }
            count += 1
            for (one, other) in zip(before, after) {
                guard let change = one.difference(from: other) else { continue }
                throw Finding(trial: "", expected: "\(change.what) as it was, \(change.before)", found: "\(change.after)")
            }
            return result
        }
    }
}
