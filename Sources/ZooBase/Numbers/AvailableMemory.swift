import Foundation

/// The memory that a process may still take without swapping, in bytes: the machine's, or less where its group of processes has a limit.
package enum AvailableMemory {
    package static var bytes: Int {
        #if os(Linux)
            let machine = field("MemAvailable", of: text("/proc/meminfo")).map { $0 * 1024 }
            return min(machine ?? physical, groups().min() ?? Int.max)
        #else
            return physical
        #endif
    }

    private static var physical: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }

    #if os(Linux)
        /// What is left of the limits of the control groups that the process is in (cgroup v2).
        private static func groups() -> [Int] {
            let own = text("/proc/self/cgroup").split(separator: "\n").first { $0.hasPrefix("0::/") }?.dropFirst(3) ?? "/"
            var path = String(own)
            var left: [Int] = []
            while true {
                let folder = "/sys/fs/cgroup" + path
                if let limit = Int(trimmed("\(folder)/memory.max")), let used = Int(trimmed("\(folder)/memory.current")) {
                    // Pages of files are given back when they are needed.
                    let files = field("inactive_file", of: text("\(folder)/memory.stat")) ?? 0
                    left.append(max(0, limit - used + files))
                }
                guard path.count > 1, let slash = path.lastIndex(of: "/") else { return left }
                path = slash == path.startIndex ? "/" : String(path[..<slash])
            }
        }

        private static func text(_ file: String) -> String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }

        private static func trimmed(_ file: String) -> String { text(file).trimmingCharacters(in: .whitespacesAndNewlines) }

        private static func field(_ name: String, of text: String) -> Int? {
            let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") || $0.hasPrefix("\(name) ") }
            return line?.split { !$0.isNumber }.last.flatMap { Int($0) }
        }
    #endif
}
