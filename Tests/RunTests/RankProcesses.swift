import Foundation

/// Several `zoo` that train one run together, each with the variables of a launcher.
struct RankProcesses {
    let zoo: ZooCommand
    private(set) var processes: [RunningProcess] = []

    /// - Parameter arguments: of the rank of that number.
    init(_ zoo: ZooCommand, _ count: Int, _ arguments: (Int) -> [String]) throws {
        self.zoo = zoo
        let port = try Self.freePort()
        for rank in 0..<count {
            var own = zoo
            own.environment.merge([
                "RANK": "\(rank)", "WORLD_SIZE": "\(count)", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
            ]) { $1 }
            processes.append(try own.start(arguments(rank)))
        }
    }

    /// How each of them ended.
    func ends() async throws -> [EndedProcess] {
        var ends: [EndedProcess] = []
        for process in processes { ends.append(try await process.end()) }
        return ends
    }

    /// A port that was free a moment ago.
    static func freePort() throws -> UInt16 {
        #if os(Linux)
            let kind = Int32(SOCK_STREAM.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, kind, 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
        return UInt16(bigEndian: address.sin_port)
    }
}

#if os(Linux)
    extension RunningProcess {
        /// The processes that it has started.
        var children: [pid_t] {
            ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }.filter { child in
                let stat = FileManager.default.contents(atPath: "/proc/\(child)/stat").map { String(decoding: $0, as: UTF8.self) }
                // After the name, which stands in parentheses: the state and the parent.
                let words = stat?.split(separator: ")").last?.split(separator: " ") ?? []
                return words.count > 1 && pid_t(words[1]) == number
            }
        }
    }
#endif
