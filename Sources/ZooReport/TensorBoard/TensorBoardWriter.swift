import Foundation
import ZooBase

/// Writes scalars, texts and images that TensorBoard shows, each step at once, so that a crash loses no step before it.
///
/// ```swift
/// let writer = try TensorBoardWriter(folder: run)
/// try writer.scalars([("reward", 0.8), ("kl", 4.1)], step: 1)
/// ```
public final class TensorBoardWriter {
    private let file: FileHandle
    private let url: URL
    private let now: () -> Date

    /// Opens the event file of a run's folder, or makes it.
    ///
    /// - Parameters:
    ///   - step: what an interrupted run wrote beyond this step, or left half-written, is dropped, so that a resumed run
    ///     writes no step twice. 0 starts over.
    ///   - ends: prefixes of tags that are written once, after the last step; those are dropped too.
    ///   - now: the clock; TensorBoard draws against it too.
    /// - Throws: if the file cannot be read or written.
    public init(folder: URL, after step: Int = 0, droppingEnd ends: [String] = [], now: @escaping () -> Date = { Date() }) throws
    {
        let files = FileManager.default
        try OutputFile.createFolder(folder)
        let names = try files.contentsOfDirectory(atPath: folder.path).filter {
            $0.hasPrefix(Self.prefix) && !$0.hasSuffix(".part")
        }
        var kept: [Data] = []
        for name in names.sorted() where step > 0 {
            let records = TFRecord.records(in: try InputFile.data(folder.appending(path: name)))
            // The first record is the file's version, which this file brings itself.
            kept += records.dropFirst().filter { record in
                let tag = Event.tag(of: record) ?? ""
                return Event.step(of: record) <= step && !ends.contains { tag.hasPrefix($0) }
            }
        }
        let url = folder.appending(path: names.min() ?? "\(Self.prefix).\(Int(now().timeIntervalSince1970)).policyzoo")
        let version = Event(wallTime: now().timeIntervalSince1970, step: 0, content: .fileVersion("brain.Event:2"))
        let whole = ([version.data] + kept).reduce(into: Data()) { $0.append(TFRecord.frame($1)) }
        try OutputFile.write(whole, to: url)
        for name in names.sorted().dropFirst() { try files.removeItem(at: folder.appending(path: name)) }
        self.now = now
        self.url = url
        do {
            file = try FileHandle(forWritingTo: url)
            try file.seekToEnd()
        } catch { throw FileError(writing: url.path, error) }
    }

    private static let prefix = "events.out.tfevents"

    /// Writes a step's numbers under their names; a `/` groups them in TensorBoard.
    public func scalars(_ values: [(tag: String, value: Double)], step: Int) throws {
        try write(.scalars(values), step: step)
    }

    /// Writes a text, which TensorBoard shows as Markdown.
    public func text(_ text: String, tag: String, step: Int) throws {
        try write(.text(tag: tag, text: text), step: step)
    }

    /// Writes an image.
    ///
    /// - Parameter png: a PNG file in grey.
    public func image(_ png: Data, tag: String, step: Int) throws {
        try write(.image(tag: tag, png: png), step: step)
    }

    public func close() throws { try file.close() }

    private func write(_ content: Event.Content, step: Int) throws {
        let event = Event(wallTime: now().timeIntervalSince1970, step: step, content: content)
        do { try file.write(contentsOf: TFRecord.frame(event.data)) } catch { throw FileError(writing: url.path, error) }
    }
}
