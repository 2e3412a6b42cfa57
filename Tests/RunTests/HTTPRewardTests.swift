import Foundation
import Testing
import ZooBase
import ZooData
import ZooRecipe
import ZooServices

@Suite("a reward that is a service")
struct HTTPRewardTests {
    let folder: TemporaryFolder

    init() throws {
        StandardStream.prepare()
        folder = try TemporaryFolder()
    }

    /// A server of Python that answers with the statuses in turn, the last of them again and again.
    private func serve(_ statuses: [Int]) async throws -> (process: RunningProcess, url: URL) {
        _ = try folder.write(
            """
            import http.server, json
            statuses = \(statuses)
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                    status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
                    token = self.headers.get("X-Token", "")
                    body = json.dumps({"id": request["id"], "rewards": [len(c) + len(token) for c in request["completions"]]}).encode()
                    self.send_response(status)
                    if status == 302:
                        self.send_header("Location", "http://127.0.0.1:1/")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                def log_message(self, *arguments): pass
            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            open("port.part", "w").write(str(server.server_address[1]))
            import os; os.rename("port.part", "port")
            server.serve_forever()
            """, to: "server.py")
        let process = try RunningProcess(URL(filePath: "/usr/bin/env"), ["python3", "server.py"], [:], in: folder.url)
        let port = folder.url.appending(path: "port")
        #expect(await eventually { FileManager.default.fileExists(atPath: port.path) })
        let number = try String(contentsOf: port, encoding: .utf8)
        return (process, try #require(URL(string: "http://127.0.0.1:\(number)/score")))
    }

    private func reward(_ url: URL, retries: Int = 2, headers: URL? = nil, timeout: Double = 60) -> RewardProgram {
        var program = ExternalProgram(url: url)
        (program.retries, program.headersFile, program.timeout) = (retries, headers, timeout)
        return RewardProgram(RewardSpec(function: "http", name: "mine"), program)
    }

    private let items = [RewardItem(prompt: "p", completion: "ab"), RewardItem(prompt: "p", completion: "abcd")]

    private func complaint(_ reward: RewardProgram) -> String {
        do { return "no error: \(try reward.scores(items, iteration: 0).totals)" } catch { return "\(error)" }
    }

    @Test("is asked again where it fails for a moment, and sends the headers of its file")
    func repeats() async throws {
        let (process, url) = try await serve([503, 500, 200])
        defer { process.send(SIGKILL) }
        let headers = try folder.write("# for the test\nX-Token: abc\n", to: "headers")
        #expect(try reward(url, headers: headers).scores(items, iteration: 0).totals == [5, 7])
    }

    @Test("that goes on failing, refuses, or sends elsewhere is an error by its URL and status")
    func failures() async throws {
        let (process, url) = try await serve([503, 503, 404, 302])
        defer { process.send(SIGKILL) }
        #expect(
            complaint(reward(url, retries: 1))
                .hasPrefix("reward 'mine' (service \(url)): request 1 (2 completions): the service answered with status 503"))
        #expect(complaint(reward(url)).contains("the service answered with status 404"))
        #expect(complaint(reward(url)).contains("the service answered with status 302"))
    }

    @Test("that is not there is an error after the tries that the recipe allows")
    func absent() throws {
        let nobody = try #require(URL(string: "http://127.0.0.1:1/"))
        #expect(
            complaint(reward(nobody, retries: 1)).contains("the service cannot be reached (nothing listens there), after 2 tries")
        )
    }

    @Test("a secret in the file of headers is not shown where the file is wrong")
    func secret() throws {
        let headers = try folder.write("X-Token: abc\nsecret-without-a-name\n", to: "headers")
        let found = complaint(reward(try #require(URL(string: "http://127.0.0.1:1/")), headers: headers))
        #expect(found.contains("line 2 is not NAME: VALUE") && !found.contains("secret-without"))
    }
}
