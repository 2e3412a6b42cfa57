import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where text for people goes, and what it can do.
public struct Terminal: Sendable {
    /// Whether lines can be replaced: a real terminal that is not dumb.
    public var redraws: Bool
    /// Columns.
    public var width: Int
    public var write: @Sendable (String) -> Void

    public init(redraws: Bool, width: Int, write: @escaping @Sendable (String) -> Void) {
        self.redraws = redraws
        self.width = width
        self.write = write
    }

    /// Standard error as this process has it.
    public static var standardError: Terminal {
        let redraws = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
        // Progress is a courtesy: where it cannot be written, the work continues.
        return Terminal(redraws: redraws, width: columns(STDERR_FILENO) ?? 100) { text in
            try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
        }
    }

    /// Columns of standard output. Where it is not a terminal they are `COLUMNS`, or else 100: a file or a pipe gets the same text on
    /// every machine.
    public static var standardOutputWidth: Int {
        if let columns = columns(STDOUT_FILENO) { return columns }
        guard let wanted = ProcessInfo.processInfo.environment["COLUMNS"].flatMap(Int.init), wanted > 0 else { return 100 }
        return wanted
    }

    private static func columns(_ descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}

/// Seconds of a monotonic clock.
@Sendable public func monotonicSeconds() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
