import Foundation

extension String {
    /// The text as a shell reads it back: in quotes where it needs them.
    package var shellWord: String {
        allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:@+%".contains($0) } && !isEmpty
            ? self : "'" + replacing("'", with: "'\\''") + "'"
    }
}
