import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecords
import ZooServices
import ZooTensor

extension RunController {
    /// Runs one iteration of a placed run that is not to be kept.
    ///
    /// - Parameter limit: elements of an array that are written.
    /// - Returns: what the plugin saw, as lines of JSON.
    public func trace(_ run: PlacedRun, limit: Int) async throws -> String {
        try await work(["trace", run.folder.url.path, "\(limit)"], in: run.folder.url, run.lock, name: run.stage.name)
        return String(decoding: try InputFile.data(Trace.file(run.folder)), as: UTF8.self)
    }
}

/// One iteration, in its worker process.
struct Trace {
    let folder: RunFolder
    let limit: Int
    let stop: StopSignal
    let instances: Instances

    static func file(_ folder: RunFolder) -> URL { folder.url.appending(path: "trace.jsonl") }

    func run() throws {
        let spec = try folder.readSpec()
        Engine.configure(threads: spec.threads)
        let plugin = try Plugin(spec)
        let (stage, description) = try plugin.subject(of: spec)
        let setup = try StageSetup(spec, needs: description.needs)
        let services = try setup.services(folder: folder, stop: stop)
        defer { services.server?.end() }
        try OutputFile.write(Data(), to: Self.file(folder))
        let lines = try FileHandle(forWritingTo: Self.file(folder))
        // Line by line: where the iteration fails, the last line is what it saw before.
        let table = HostTable(TracingServices(services, limit: limit) { try lines.write(contentsOf: Data(($0 + "\n").utf8)) })
        let parameters = try JSON.text(stage.parameters[stage.algorithm] ?? [:])
        let algorithm = instances.keep(try plugin.create(stage.algorithmID, host: table, parameters: parameters))
        try services.timingStep { try algorithm.step() }
        try lines.close()
    }
}
