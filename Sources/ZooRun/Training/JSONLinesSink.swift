import CZoo
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// `metrics.jsonl`: one JSON object per iteration, in the order logged. A resumed run drops lines after its checkpoint.
public final class JSONLinesSink: MetricSink {
    private let file: FileHandle
    private let url: URL

    /// Opens the file for the iterations after `step`, dropping later lines of an interrupted run and a half-written last one.
    ///
    /// - Throws: `.dataLoss` if a line up to there is damaged or missing: it could not be recreated.
    public init(_ url: URL, after step: Int) throws {
        if step == 0 {
            try OutputFile.write(Data(), to: url)
        } else {
            let text = FileManager.default.fileExists(atPath: url.path) ? try InputFile.data(url) : Data()
            let kept = try Self.length(of: text, upTo: step, file: url)
            if kept < text.count { try OutputFile.write(text.prefix(kept), to: url) }
        }
        self.url = url
        do {
            file = try FileHandle(forWritingTo: url)
            try file.seekToEnd()
        } catch { throw FileError(writing: url.path, error) }
    }

    /// Bytes of the lines of all iterations up to the given one.
    private static func length(of text: Data, upTo last: Int, file: URL) throws -> Int {
        var (start, number, step) = (text.startIndex, 0, -1)
        while step < last {
            number += 1
            func fault(_ found: String) -> ZooError {
                ZooError(
                    .dataLoss,
                    """
                    \(file.path): line \(number) \(found), and the run continues after iteration \(last), which does not write it again; repair the \
                    file, or start again in another folder
                    """)
            }
            guard let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) else {
                throw fault(start == text.endIndex ? "is missing" : "is cut off")
            }
            guard let record = try? JSONReader.value(text[start..<end]), let found = record["step"]?.integer else {
                throw fault("is not the record of an iteration")
            }
            // A run that is evaluated during training starts with iteration 0.
            guard found == step + 1 || (step < 0 && found == 1) else {
                throw fault("is of iteration \(found); expected iteration \(step < 0 ? 1 : step + 1)")
            }
            (start, step) = (end + 1, found)
        }
        return start - text.startIndex
    }

    public func record(_ record: MetricRecord) throws {
        let fields = record.values.map { "\(JSONText.quoted($0.name)): \(JSONText.number($0.value))" }
        let line = "{\"step\": \(record.step)\(fields.map { ", " + $0 }.joined())}\n"
        do { try file.write(contentsOf: Data(line.utf8)) } catch { throw FileError(writing: url.path, error) }
    }

    public func synchronize() throws { try file.synchronize() }

    public func close() throws { try file.close() }
}
