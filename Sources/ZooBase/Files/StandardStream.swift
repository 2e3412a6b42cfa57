import Foundation

/// Writes to standard output and standard error, completely or with an error that can be caught.
public enum StandardStream {
    /// The reader of the stream has gone, as `| head` does.
    public struct ReaderGone: Error, CustomStringConvertible {
        public let description = "the reader of standard output has gone"
    }

    /// Call it first in a process: a reader that goes away is an error of the write, not the end of the process, and a stream that is
    /// closed is kept from being given to the next file that is opened.
    public static func prepare() {
        signal(SIGPIPE, SIG_IGN)
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            // Reading gives nothing and writing fails, as on a closed stream.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_RDWR : O_RDONLY)
        }
    }

    /// Writes all of it to standard output.
    ///
    /// - Throws: ``ReaderGone``, or ``FileError`` if it cannot be written.
    public static func write(_ data: Data) throws {
        guard let number = writeAll(data, STDOUT_FILENO) else { return }
        if number == EPIPE { throw ReaderGone() }
        throw FileError(.inputOutput, "standard output", "cannot be written: \(SystemError.words(number))")
    }

    /// Writes a line for people to standard error. A failure to do so is ignored.
    public static func complain(_ line: String) { _ = writeAll(Data((line.shownOnOneLine + "\n").utf8), STDERR_FILENO) }

    /// - Returns: the number of the error.
    package static func writeAll(_ data: Data, _ descriptor: Int32) -> Int32? {
        data.withUnsafeBytes { bytes -> Int32? in
            var rest = bytes
            while !rest.isEmpty {
                let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    guard errno == EAGAIN else { return errno }
                    // Another process made the stream non-blocking: wait until it accepts more.
                    var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = Foundation.poll(&poll, 1, -1)
                    continue
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
            return nil
        }
    }
}
