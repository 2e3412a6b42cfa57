import Foundation
import ZooFiles

/// What the commands print: the one way to standard output.
///
/// Text that comes from files is shown as text (``Swift/String/shown``), so that no prompt, name or title steers the terminal.
enum Output {
    /// Writes a line, or what ends in `end`.
    ///
    /// - Throws: ``FileError`` where it cannot be written whole; ``StandardStream/ReaderGone`` where the reader has gone.
    static func print(_ text: String, end: String = "\n") throws { try styled(text.shown, end: end) }

    /// What was made visible already, and has the codes of its own colours.
    static func styled(_ text: String, end: String = "") throws { try StandardStream.write(Data((text + end).utf8)) }

    /// The last words of work that is done: that nobody reads them any more is no fault of it.
    static func report(_ text: String, end: String = "\n") throws {
        do { try print(text, end: end) } catch is StandardStream.ReaderGone {}
    }
}
