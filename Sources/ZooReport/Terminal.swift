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
        // Progress is a courtesy: where it cannot be written, the work goes on.
        return Terminal(redraws: redraws, width: columns) { text in
            try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
        }
    }

    private static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }
}

/// Seconds on a clock that never goes back.
@Sendable public func monotonicSeconds() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
