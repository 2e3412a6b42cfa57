import Foundation
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite("reports from the command line", .serialized)
struct ReportTests {
    /// A small comparison in the folder `both`.
    private func compare(_ zoo: Command, _ words: String...) throws {
        let result = try zoo.run(
            ["compare", Command.tabular, "--variants", "ppo,dpo", "--seeds", "0,1", "--set", "budget.updates=20", "--quiet"]
                + ["--run-dir", "both"] + words)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("gold reward: "))
        #expect(result.output.contains(" not separated with 2 seeds") || result.output.contains(" > "))
    }

    /// The charts' library, small: what it draws is not what these tests look at.
    private func withCharts(_ body: (Command) throws -> Void) throws {
        try Command.inFolder { zoo in
            let library = zoo.path("vega.js")
            try Data("window.vegaEmbed = async () => ({ finalize() {} });".utf8).write(to: library)
            var zoo = zoo
            zoo.environment["POLICYZOO_CHARTS"] = library.path
            try body(zoo)
        }
    }

    @Test("a comparison has a page, and the same as Markdown, CSV and JSON")
    func formats() throws {
        try withCharts { zoo in
            try compare(zoo)
            let page = try String(contentsOf: zoo.path("both/report.html"), encoding: .utf8)
            #expect(page.utf8.count < 1_000_000)
            for text in ["Differences between the variants", "parameters.pairs", "data-chart=\"curves\"", "seconds, critic"] {
                #expect(page.contains(text), "\(text)")
            }
            #expect(page.contains("Fewer than three seeds"))
            let again = try zoo("report", "both")
            #expect(again.status == 0 && again.output == "both/report.html\n", "\(again.errors)")

            let markdown = try zoo("report", "both", "--markdown").output
            #expect(markdown.hasPrefix("# tabular\n"))
            #expect(markdown.contains("| gold reward |"))
            let csv = try zoo("report", "both", "--format", "csv").output
            #expect(csv.contains("dpo,0,1,,gold,") && csv.hasSuffix("\r\n") && !csv.contains("u000d"))
            #expect(try zoo("report", "both/dpo-seed1", "both/ppo-seed0", "--output", "x.json").status == 0)
            let json = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: zoo.path("x.json"))) as? [String: Any])
            #expect((json["charts"] as? [String: Any])?["variants"] as? [String] == ["ppo", "dpo"])
        }
    }

    @Test("a file that cannot be read is named, and a missing library says how to get it")
    func faults() throws {
        try withCharts { zoo in
            try compare(zoo)
            let metrics = zoo.path("both/dpo-seed0/metrics.jsonl")
            let whole = try Data(contentsOf: metrics)
            let sound = try zoo("report", "both", "--markdown").output
            // One torn line, one that no run has, and one that no number of steps is.
            let damage = "[1]\n{\"step\": 1e300, \"loss\": 7}\n{\"step\": 1.5}\n{\"st\n"
            try (Data(damage.utf8) + whole).write(to: metrics)
            let broken = try zoo("report", "both", "--markdown")
            #expect(broken.status == 0)
            let sentence = "both/dpo-seed0/metrics.jsonl, line 1, and 3 more: expected an object of numbers with 'step'"
            #expect(broken.output.components(separatedBy: sentence).count == 2)
            // Without that sentence it is the page of the whole files.
            let rest = broken.output.split(separator: "\n").filter { !$0.contains(sentence) }
            #expect(rest == sound.split(separator: "\n"))
            // A line that is being written is no fault.
            try (whole + Data("{\"step\": 99".utf8)).write(to: metrics)
            #expect(try zoo("report", "both", "--markdown").status == 0)
            try Data("{}".utf8).write(to: zoo.path("both/dpo-seed0/ledger.json"))
            #expect(try zoo("report", "both").errors.contains("both/dpo-seed0/ledger.json cannot be read: it has no '"))
        }
        try Command.inFolder { zoo in
            try FileManager.default.createDirectory(at: zoo.path("p"), withIntermediateDirectories: true)
            try Data(Self.probe.utf8).write(to: zoo.path("p/probe.json"))
            var zoo = zoo
            zoo.environment["POLICYZOO_CHARTS"] = "/nowhere/vega.js"
            let result = try zoo("report", "p")
            #expect(result.status == 66)
            #expect(
                result.errors.contains("/nowhere/vega.js is missing, which draws the report's charts; get it with `make charts`"))
        }
    }

    @Test("a probe's gradients and baselines are on the page")
    func probe() throws {
        try withCharts { zoo in
            try FileManager.default.createDirectory(at: zoo.path("p"), withIntermediateDirectories: true)
            try Data(Self.probe.utf8).write(to: zoo.path("p/probe.json"))
            let result = try zoo("report", "p")
            #expect(result.status == 0, "\(result.errors)")
            let page = try String(contentsOf: zoo.path("p/report.html"), encoding: .utf8)
            for text in [
                "data-chart=\"cosines\"", "data-chart=\"estimators\"", "data-chart=\"baselines\"", "0.500 [0.400, 0.600]",
            ] {
                #expect(page.contains(text), "\(text)")
            }
        }
    }

    @Test("a followed report answers on this machine, to its own name alone")
    func follow() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder.appending(path: "runs"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let library = folder.appending(path: "vega.js")
        try Data("window.vegaEmbed = 1;".utf8).write(to: library)
        let zoo = Command(folder: folder, environment: ["POLICYZOO_CHARTS": library.path])
        let output = folder.appending(path: "output")
        try Data().write(to: output)
        let process = try zoo.start(["report", "--follow", "runs"], output: try FileHandle(forWritingTo: output))
        defer { process.terminate() }
        var address = ""
        for _ in 0..<1000 where address.isEmpty && process.isRunning {
            try await Task.sleep(for: .milliseconds(20))
            let text = try String(contentsOf: output, encoding: .utf8)
            if text.hasSuffix("\n") { address = text.split(separator: " ").first.map(String.init) ?? "" }
        }
        try #require(address.hasPrefix("http://127.0.0.1:"))
        func get(_ path: String, host: String? = nil) async throws -> (status: Int, text: String) {
            var request = URLRequest(url: try #require(URL(string: address + path)))
            if let host { request.setValue(host, forHTTPHeaderField: "Host") }
            let (data, response) = try await URLSession.shared.data(for: request)
            return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
        }
        #expect(try await get("").text.contains("0 of 0 runs done"))
        try FileManager.default.createDirectory(at: folder.appending(path: "runs/p"), withIntermediateDirectories: true)
        try Data(Self.probe.utf8).write(to: folder.appending(path: "runs/p/probe.json"))
        try await Task.sleep(for: .seconds(1.1))
        let update = try await get("report.json")
        #expect(update.status == 200)
        #expect(update.text.contains("\"oracle\""))
        #expect(try await get("../../etc/passwd").status == 404)
        #expect(try await get("runs/p/probe.json").status == 404)
        #expect(try await get("", host: "elsewhere.example").status == 421)
    }

    @Test("a followed report outlives connections that are opened and left, as many as the process may have")
    func halfOpen() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder.appending(path: "runs"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let library = folder.appending(path: "vega.js")
        try Data("window.vegaEmbed = 1;".utf8).write(to: library)
        let output = folder.appending(path: "output")
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "ulimit -n 128; exec \"$0\" report --follow runs", Command.executable.path]
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(["POLICYZOO_CHARTS": library.path]) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        var port: UInt16 = 0
        for _ in 0..<1000 where port == 0 && process.isRunning {
            try await Task.sleep(for: .milliseconds(20))
            let text = try String(contentsOf: output, encoding: .utf8)
            if text.hasSuffix("\n") { port = text.firstMatch(of: /127\.0\.0\.1:(\d+)/).flatMap { UInt16($0.1) } ?? 0 }
        }
        try #require(port > 0)
        var open: [Int32] = []
        defer { for descriptor in open { close(descriptor) } }
        for _ in 0..<200 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            open.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            try #require(status == 0)
            // Half a request, and then nothing.
            _ = Array("GET / HT".utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            usleep(2000)
        }
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/"))
        let (data, _) = try await URLSession.shared.data(from: url)
        #expect(String(decoding: data, as: UTF8.self).contains("0 of 0 runs done"))
        #expect(process.isRunning)
    }

    private static let probe = """
        {"recipe": "tabular", "driver": "ppo", "seed": 0, "batches": 8, "sequences": 256, "samples": 4, "beta": 0.5, "points": [
         {"step": 50, "kl": 0.4, "reward": 0.9, "referenceSequences": 0, "cosines": [[1, 0.9], [0.9, 1]],
          "estimators": [\(estimator("ppo", "\"ppo\"")), \(estimator("oracle", "null"))],
          "baselines": [{"name": "critic", "error": {"mean": 0.5, "low": 0.4, "high": 0.6}, "explainedVariance": 0.4,
            "advantageVariance": 0.2, "states": 16, "continuations": 64}]}]}
        """

    private static func estimator(_ name: String, _ algorithm: String) -> String {
        let figure = #"{"mean": 0.5, "low": 0.4, "high": 0.6}"#
        let figures = ["norm", "signalToNoise", "variance", "cosine", "bias", "scale"].map { "\"\($0)\": \(figure)" }
        return #"{"name": "\#(name)", "algorithm": \#(algorithm), \#(figures.joined(separator: ", "))}"#
    }
}
