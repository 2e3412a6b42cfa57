import Foundation
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// `zoo rollout-server` behind a proxy that misbehaves where it is told to.
struct UnrulyServer {
    let process: RunningProcess
    let url: URL

    /// - Parameters:
    ///   - model: the folder that the server begins with, again after each restart.
    ///   - folder: takes what the server writes.
    init(_ model: URL, in folder: URL) async throws {
        let script = ZooCommand.clone.appending(path: "Tests/RunTests/unruly_server.py")
        let port = folder.appending(path: "port-\(UUID().uuidString)")
        process = try RunningProcess(
            URL(filePath: "/usr/bin/env"),
            ["python3", script.path, ZooCommand.folder.appending(path: "zoo").path, model.path, port.path], [:], in: folder)
        #expect(await eventually { FileManager.default.fileExists(atPath: port.path) })
        let number = try String(contentsOf: port, encoding: .utf8)
        url = try #require(URL(string: "http://127.0.0.1:\(number)"))
    }

    /// What it does with the next requests to each path, one each.
    func misbehave(_ faults: [String: [String]]) async throws {
        var request = URLRequest(url: url.appending(path: "_faults"))
        request.httpMethod = "POST"
        request.httpBody = try JSONEncoder().encode(faults)
        _ = try await URLSession.shared.data(for: request)
    }

    /// How many requests there were so far, by path.
    func requests() async throws -> [String: Int] {
        let (data, _) = try await URLSession.shared.data(from: url.appending(path: "_log"))
        let paths = try JSONDecoder().decode([String].self, from: data)
        return Dictionary(paths.map { ($0, 1) }, uniquingKeysWith: +)
    }

    /// Kills the server behind the proxy and starts it anew.
    func restart() async throws { _ = try await URLSession.shared.data(from: url.appending(path: "_restart")) }

    func end() { process.send(SIGTERM) }
}
