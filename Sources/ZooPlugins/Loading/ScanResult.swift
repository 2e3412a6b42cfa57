import Foundation
import ZooBase
import ZooKit

/// What a scan of one file found: exactly one of `plugin` and `failure`.
public struct ScanResult: Sendable, Equatable, Codable {
    public var path: String
    public var plugin: PluginDescription?
    /// A sentence that names the file.
    public var failure: String?
    /// Processor time of the loading itself, which unlike wall time does not grow on a busy machine.
    public var seconds = 0.0

    /// Loads the file in this process.
    init(of path: String) throws {
        self.path = path
        let start = clock()
        do {
            plugin = try Plugin(path: path).description
        } catch let error as ZooError {
            failure = error.message.shown
        }
        seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
    }

    init(path: String, failure: String) { (self.path, self.failure) = (path, failure) }
}

extension WorkerMain {
    /// `zoo worker scan FILE ...`: loads each plugin and reports one line of JSON for it, a `ScanResult`.
    public static func scan(_ files: [String]) throws {
        followHost()
        for file in files { try report(ScanResult(of: file)) }
        HostChannel.end(0)
    }
}
