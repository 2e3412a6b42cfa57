import Foundation

extension String {
    /// The text quoted for a shell, if it needs to be.
    package var shellWord: String {
        allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:@+%".contains($0) } && !isEmpty
            ? self : "'" + replacing("'", with: "'\\''") + "'"
    }
}
