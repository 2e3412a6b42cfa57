import Foundation
import Testing
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("the file of a run's metrics")
struct MetricsFileTests {
    private let lines = (1...4).map { "{\"step\": \($0), \"loss\": \(1.0 / Double($0))}\n" }

    /// Opens a file of that text for the steps after the given one, and returns what it then holds.
    private func opened(_ text: String, after step: Int) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        try JSONLinesSink(file, after: step).close()
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test("a run that goes on keeps every byte of the steps before and cuts what lies behind, torn or not")
    func cut() throws {
        for tail in ["", "{\"step\": 3, \"lo", "{\"step\": 3}\n{\"st\u{0}", "nonsense\n", "\u{0}\u{0}\u{0}"] {
            #expect(try opened(lines[0] + lines[1] + tail, after: 2) == lines[0] + lines[1])
        }
        #expect(try opened("{\"step\": 0, \"eval/kl\": 0}\n" + lines.joined(), after: 3).hasSuffix(lines[2]))
        #expect(try opened(lines.joined(), after: 0).isEmpty)
    }

    @Test(
        "a line of the steps before that is damaged or missing is named, and nothing is cut",
        arguments: [
            ([0, 2, 3], "line 2 is of iteration 3; expected iteration 2"),
            ([0, 1, 1, 2], "line 3 is of iteration 2; expected iteration 3"),
            ([0, 1], "line 3 is missing"), ([], "line 1 is missing"), ([1, 2], "line 1 is of iteration 2; expected iteration 1"),
            ([0, -1, 2], "line 2 is not the record of an iteration"), ([0, 1, -2], "line 3 is cut off"),
        ])
    func damaged(order: [Int], fault: String) throws {
        let text = order.map { $0 == -1 ? "{\"step\": 2, \"lo\u{0}\n" : $0 == -2 ? "{\"step\": 3" : lines[$0] }.joined()
        let error = #expect(throws: ZooError.self) { try opened(text, after: 3) }
        #expect(try #require(error?.message).contains(fault))
    }
}
