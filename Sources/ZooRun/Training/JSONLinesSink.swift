import CZoo
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// `metrics.jsonl`: one JSON object per iteration, in the order logged. A resumed run drops lines after its checkpoint.
public final class JSONLinesSink: MetricSink {
    private let file: FileHandle
    private let url: URL

    /// Opens the file for the iterations after `step`, dropping later lines of an interrupted run and a half-written last one.
    ///
    /// - Throws: `.dataLoss` if a line up to there is damaged or missing: it could not be recreated.
    public init(_ url: URL, after step: Int) throws {
        if step == 0 {
            try Files.write(Data(), to: url)
        } else {
            let text = FileManager.default.fileExists(atPath: url.path) ? try InputFile.data(url) : Data()
            let kept = try Self.length(of: text, upTo: step, file: url)
            if kept < text.count { try Files.write(text.prefix(kept), to: url) }
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
            guard let object = try? JSONSerialization.jsonObject(with: text[start..<end]) as? [String: Any],
                let found = object["step"] as? Int
            else { throw fault("is not the record of an iteration") }
            // A run that is evaluated during training starts with iteration 0.
            guard found == step + 1 || (step < 0 && found == 1) else {
                throw fault("is of iteration \(found); expected iteration \(step < 0 ? 1 : step + 1)")
            }
            (start, step) = (end + 1, found)
        }
        return start - text.startIndex
    }

    public func record(_ record: MetricRecord) throws {
        let fields = record.values.map { "\(JSONText.quote($0.name)): \(JSONText.number($0.value))" }
        let line = "{\"step\": \(record.step)\(fields.map { ", " + $0 }.joined())}\n"
        do { try file.write(contentsOf: Data(line.utf8)) } catch { throw FileError(writing: url.path, error) }
    }

    public func synchronize() throws { try file.synchronize() }

    public func close() throws { try file.close() }
}

/// JSON written by hand, to keep the order of keys and every bit of a number.
enum JSONText {
    static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case ..<" ": quoted += "\\u" + String(format: "%04x", scalar.value)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// The shortest text that reads back as the same number; null if JSON has none.
    static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }
}
