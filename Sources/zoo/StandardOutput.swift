import Foundation
import ZooBase
import ZooReport

/// The only way for commands to write to standard output.
///
/// Text from files is printed with control characters spelled out (``Swift/String/shown``), so that it cannot control the
/// terminal.
enum StandardOutput {
    /// Writes a line, or what ends in `end`.
    ///
    /// - Throws: ``FileError`` if it cannot be written completely; ``StandardStream/ReaderGone`` if the reader has gone.
    static func print(_ text: String, end: String = "\n") throws { try styled(text.shown, end: end) }

    /// Writes a table for people, no wider than ``Terminal/standardOutputWidth``. What programs read is printed
    /// as JSON, CSV or Markdown, whose rows are never broken.
    static func table(_ table: TextTable) throws { try print(table.plain(width: Terminal.standardOutputWidth), end: "") }

    /// Writes text that is already safe to print and contains its own colour codes.
    static func styled(_ text: String, end: String = "") throws { try StandardStream.write(Data((text + end).utf8)) }

    /// Reports finished work: a reader that has gone is not an error.
    static func report(_ text: String, end: String = "\n") throws {
        do { try print(text, end: end) } catch is StandardStream.ReaderGone {}
    }
}
