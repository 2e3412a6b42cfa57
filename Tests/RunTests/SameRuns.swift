import Foundation
import Testing

/// Requires that two runs came to the same, bit for bit; the clock is the one thing that may differ.
func expectSameRuns(_ first: URL, _ second: URL, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation)
    throws
{
    func data(_ run: URL, _ file: String) throws -> Data { try Data(contentsOf: run.appending(path: file)) }
    let names = try FileManager.default.subpathsOfDirectory(atPath: first.appending(path: "model").path)
    let weights = names.filter { $0.hasSuffix("model.safetensors") }
    #expect(!weights.isEmpty, comment, sourceLocation: sourceLocation)
    for name in weights {
        #expect(try data(first, "model/\(name)") == data(second, "model/\(name)"), comment, sourceLocation: sourceLocation)
    }
    func metrics(_ run: URL) throws -> [Substring] {
        let text = try #require(String(data: data(run, "metrics.jsonl"), encoding: .utf8))
        return text.replacing(/"(budget|common)\/seconds": [^,}]+/, with: "").split(separator: "\n")
    }
    let (whole, other) = (try metrics(first), try metrics(second))
    #expect(whole.count == other.count, comment, sourceLocation: sourceLocation)
    let difference = zip(whole, other).first { $0 != $1 }
    #expect(difference == nil, "the first step that differs", sourceLocation: sourceLocation)
    for file in ["evaluation.json", "samples.jsonl", "samples.png"]
    where FileManager.default.fileExists(atPath: first.appending(path: file).path) {
        #expect(try data(first, file) == data(second, file), comment, sourceLocation: sourceLocation)
    }
}
