import Foundation

/// The processes of this machine.
enum Processes {
    /// Command lines that contain `text`.
    static func mentioning(_ text: String) -> [String] {
        commandLines.filter { $0.contains(text) }
    }

    #if os(Linux)
        private static var commandLines: [String] {
            let numbers = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter { Int($0) != nil }
            // A process that ends meanwhile has no command line, nor has one that nobody has waited for yet.
            return numbers.compactMap { number in
                FileManager.default.contents(atPath: "/proc/\(number)/cmdline").map { String(decoding: $0, as: UTF8.self) }
            }
        }
    #else
        private static var commandLines: [String] {
            let ps = Process()
            let output = Pipe()
            ps.executableURL = URL(fileURLWithPath: "/bin/ps")
            ps.arguments = ["-A", "-o", "args="]
            ps.standardOutput = output
            guard (try? ps.run()) != nil else { return [] }
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            return text.split(separator: "\n").map(String.init)
        }
    #endif
}
