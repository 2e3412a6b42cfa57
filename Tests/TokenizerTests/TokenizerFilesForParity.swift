import Foundation
import Testing
import ZooModels

/// Where parity.py put its tokenizers and texts, and wants to find our ids.
private let folder = ProcessInfo.processInfo.environment["ZOO_PARITY_TOKENIZERS"].map { URL(fileURLWithPath: $0) }

@Suite("tokenizer files for parity.py", .enabled(if: folder != nil))
struct TokenizerFilesForParity {
    @Test("writes ids, texts and times of every tokenizer")
    func writes() throws {
        let folder = try #require(folder)
        let texts = try records(in: folder.appendingPathComponent("texts.bin")).map { String(decoding: $0, as: UTF8.self) }
        let long = try #require(texts.first)
        let short = long.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() where !name.contains(".") {
            let own = folder.appendingPathComponent(name)
            let tokenizer = try Tokenizer(contentsOf: own)
            try write(texts.map { bytes(of: tokenizer.encode($0)) }, to: own.appendingPathComponent("ids.bin"))
            let rows = try records(in: own.appendingPathComponent("random.bin")).map { row in
                stride(from: 0, to: row.count, by: 2).map { Int32(row[$0]) | Int32(row[$0 + 1]) << 8 }
            }
            try write(rows.map { Array(tokenizer.decode($0).utf8) }, to: own.appendingPathComponent("decoded.bin"))
            var times = try times(of: own, [long], "long")
            times.merge(try self.times(of: own, short, "short")) { first, _ in first }
            try JSONEncoder().encode(times).write(to: own.appendingPathComponent("times.json"))
        }
    }

    /// Medians of five, in seconds of processor time; cold is the first time for a tokenizer.
    private func times(of file: URL, _ texts: [String], _ name: String) throws -> [String: Double] {
        var (cold, warm, decode): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<5 {
            let tokenizer = try Tokenizer(contentsOf: file)
            var ids: [[Int32]] = []
            cold.append(seconds { ids = texts.map { tokenizer.encode($0) } })
            warm.append(seconds { #expect(texts.map { tokenizer.encode($0) } == ids) })
            decode.append(seconds { #expect(ids.map { tokenizer.decode($0) }.count == texts.count) })
        }
        return [
            "encode \(name), cold": cold.sorted()[2], "encode \(name), warm": warm.sorted()[2],
            "decode \(name)": decode.sorted()[2],
        ]
    }

    private func seconds(_ body: () -> Void) -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        let start = now()
        body()
        return now() - start
    }

    /// A count, then each record's length and bytes.
    private func records(in file: URL) throws -> [[UInt8]] {
        let data = Array(try Data(contentsOf: file))
        func number(at place: Int) -> Int { (0..<4).reduce(0) { $0 | Int(data[place + $1]) << (8 * $1) } }
        var place = 4
        return (0..<number(at: 0)).map { _ in
            let length = number(at: place)
            defer { place += 4 + length }
            return Array(data[place + 4..<place + 4 + length])
        }
    }

    private func write(_ records: [[UInt8]], to file: URL) throws {
        func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        var data = bytes(records.count)
        for record in records {
            data += bytes(record.count)
            data += record
        }
        try Data(data).write(to: file)
    }

    private func bytes(of ids: [Int32]) -> [UInt8] {
        ids.map { UInt16(truncatingIfNeeded: $0).littleEndian }.withUnsafeBytes { Array($0) }
    }
}
