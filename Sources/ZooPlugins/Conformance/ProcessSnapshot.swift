import CProcess
import Foundation
import ZooBase

/// What a plugin shares with its host because both are one process: taken before and after a call, it shows what the call changed.
struct ProcessSnapshot {
    /// What a snapshot is of; each is a case of its own.
    enum Aspect: String, CaseIterable {
        case arithmetic, settings, signals, descriptors, processes, files
    }

    /// "the rounding mode": "0".
    private let values: [String: String]
    /// What to compare where a value names what another process can rename meanwhile.
    private let identities: [String: String]

    init(_ aspect: Aspect) {
        let files = aspect == .descriptors ? Self.openFiles : [:]
        values =
            switch aspect {
            case .arithmetic: Self.arithmetic
            case .settings: Self.settings
            case .signals: Self.signals
            case .descriptors: files.mapValues(\.text)
            case .processes: Self.processes
            case .files: Self.files
            }
        identities = aspect == .descriptors ? files.mapValues(\.identity) : values
    }

    /// The first difference that the later snapshot has: what, before, after.
    func difference(from later: ProcessSnapshot) -> (what: String, before: String, after: String)? {
        for what in Set(values.keys).union(later.values.keys).sorted() where identities[what] != later.identities[what] {
            return (what, values[what] ?? "nothing", later.values[what] ?? "nothing")
        }
        return nil
    }

    // MARK: - Aspects

    private static var arithmetic: [String: String] {
        let now = zoo_arithmetic_now()
        func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
        return [
            "the rounding mode": hex(now.rounding), "the treatment of subnormal numbers": hex(now.subnormals),
            "the trapped floating-point exceptions": hex(now.traps), "the x87 control word": hex(now.x87),
        ]
    }

    private static var settings: [String: String] {
        var values: [String: String] = [:]
        values["the locale"] = setlocale(LC_ALL, nil).map { String(cString: $0) }
        #if os(Linux)
            values["the thread's locale"] = "\(UInt(bitPattern: uselocale(nil)))"
        #endif
        let mask = umask(0)
        umask(mask)
        values["the umask"] = "0" + String(mask, radix: 8)
        values["the working directory"] = FileManager.default.currentDirectoryPath
        values["the niceness"] = "\(zoo_niceness())"
        for (name, value) in ProcessInfo.processInfo.environment { values["the environment variable \(name)"] = value }
        for resource in 0..<Int32(16) {
            var (soft, hard): (UInt64, UInt64) = (0, 0)
            if zoo_limits(resource, &soft, &hard) != 0 { values["the limit of resource \(resource)"] = "\(soft) of \(hard)" }
        }
        for field in ["Cpus_allowed", "NoNewPrivs", "Seccomp", "CapEff", "Uid", "Gid"] {
            values["\(field) of the process"] = status(field)
        }
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        if terminal >= 0 {
            var modes = termios()
            if tcgetattr(terminal, &modes) == 0 {
                values["the terminal's modes"] = "\(modes.c_iflag) \(modes.c_oflag) \(modes.c_cflag) \(modes.c_lflag)"
            }
            close(terminal)
        }
        return values
    }

    private static var signals: [String: String] {
        var values: [String: String] = [:]
        for number in Int32(1)..<65 {
            let handler = zoo_signal_handler(number)
            let name = String(cString: strsignal(number))
            if handler != 0 {
                values["the action of signal \(number) (\(name))"] =
                    handler == 1 ? "ignored" : "handler 0x\(String(handler, radix: 16))"
            }
            if zoo_signal_is_blocked(number) != 0 { values["the mask of signal \(number) (\(name))"] = "blocked" }
        }
        for (which, name) in [(ITIMER_REAL, "real"), (ITIMER_VIRTUAL, "virtual"), (ITIMER_PROF, "profiling")] {
            values["the timer of \(name) time"] = zoo_timer(Int32(which.rawValue)) == 0 ? nil : "running"
        }
        return values
    }

    private static var openFiles: [String: OpenFile] {
        (Int32(0)..<256).reduce(into: [:]) { files, number in files["descriptor \(number)"] = OpenFile(number) }
    }

    private static var processes: [String: String] {
        var values: [String: String] = [:]
        for child in children { values["the child process \(child.number)"] = "'\(child.name)'" }
        values["child processes that have ended"] = zoo_children_have_ended() != 0 ? "some" : nil
        return values
    }

    private static var files: [String: String] {
        var values: [String: String] = [:]
        let home = ProcessInfo.processInfo.environment["HOME"] ?? "/"
        for folder in [FileManager.default.currentDirectoryPath, NSTemporaryDirectory(), home] {
            for name in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? [] {
                values["the file \(folder)/\(name)"] = "there"
            }
        }
        return values
    }

    // MARK: - Reading the system

    /// Processes whose parent this one is.
    static var children: [(number: pid_t, name: String)] {
        let own = "\(getpid())"
        return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { entry in
            guard let number = pid_t(entry), let text = try? String(contentsOfFile: "/proc/\(entry)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")"), let start = text.firstIndex(of: "(")
            else { return nil }
            let fields = text[end...].dropFirst(2).split(separator: " ")
            guard fields.count > 1, fields[1] == own else { return nil }
            return (number, String(text[text.index(after: start)..<end]))
        }
    }

    /// The names of this process's threads, by their numbers.
    static var threads: [String: String] {
        let folder = "/proc/self/task"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).reduce(into: [:]) { threads, number in
            let name = try? String(contentsOfFile: "\(folder)/\(number)/comm", encoding: .utf8)
            if let name { threads[number] = name.trimmingCharacters(in: .whitespacesAndNewlines) }
        }
    }

    private static func status(_ field: String) -> String? {
        let text = try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)
        return text?.split(separator: "\n").first { $0.hasPrefix(field + ":") }.map { String($0.dropFirst(field.count + 2)) }
    }
}

/// What a descriptor stands for.
package struct OpenFile {
    /// Its name and the flags that it was opened with.
    package let text: String
    /// What tells it from another. A file's name does not: whoever made one that this process inherited may rename or delete it.
    package let identity: String

    /// Nil if nothing is open by that number.
    package init?(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        let name = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")) ?? "open"
        let flags = ", flags \(fcntl(descriptor, F_GETFL))"
        text = name + flags
        identity = name.hasPrefix("/") ? "\(status.st_dev) \(status.st_ino)\(flags)" : text
    }
}
