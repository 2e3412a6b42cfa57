import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    static let contractCases: [ConformanceCase] = [
        .each("contract/create", "An algorithm is created from its defaults and destroyed.", needs: "binary/loads") { subject in
            let plugin = try subject.plugin()
            let description = try subject.algorithm(in: plugin)
            _ = try Session(plugin, description.id)
            let defaults = description.parameters.reduce(into: [:]) { $0[$1.name] = $1.defaultValue }
            _ = try Session(plugin, description.id, defaults)
            return "\(description.parameters.count) parameters"
        },
        .each("contract/entry", "The entry returns the same table at every call.", needs: "contract/create") { subject in
            let library = try DynamicLibrary(path: PluginFile.checked(subject.path))
            let entry = try Plugin.entry(of: library)
            let (first, second) = (entry(), entry())
            try expect(first == second, "the second call returned another table")
            let before = try subject.plugin().description
            _ = try Session(subject.plugin(), subject.algorithmID)
            try expect(entry() == first, "the entry returned another table after create")
            try expect(try subject.plugin().description == before, "the table had other contents after create")
            return "4 calls"
        },
        .each("contract/lifecycle", "Created and destroyed a thousand times, it leaks nothing.", needs: "contract/create") {
            subject in
            let plugin = try subject.plugin()
            func make(_ count: Int) throws {
                for _ in 0..<count { _ = try Session(plugin, subject.algorithmID) }
            }
            try make(100)
            let before = try residentBytes()
            try make(1000)
            let grown = (try residentBytes() - before) >> 20
            try expect(grown < 32, "1000 algorithms left \(grown) MiB behind; expected less than 32")
            return "\(grown) MiB grown"
        },
        .each(
            "contract/parameters", "Unknown names, wrong types and values out of range are refused by name.",
            needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let description = try subject.algorithm(in: plugin)
            var tried = 0
            for (name, value) in [("no_such_parameter", JSONValue.number(1))] + description.parameters.flatMap(\.wrongValues) {
                tried += 1
                let setting = "\(name) = \(value.shown)"
                let refusal = try refusal("a parameter \(setting)") { _ = try Session(plugin, description.id, [name: value]) }
                try expect(
                    refusal.code == .invalidArgument, "\(setting) was refused as \(refusal.code); expected invalidArgument")
                try expect(refusal.message.contains(name), "the refusal of \(setting) does not name it: \(refusal.message)")
            }
            return "\(tried) refused"
        },
        .each(
            "contract/presets", "Each preset sets existing parameters to valid values.",
            needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let description = try subject.algorithm(in: plugin)
            guard !description.presets.isEmpty else { throw NotApplicable(reason: "it has no presets") }
            for preset in description.presets {
                let name = "preset '\(description.id)@\(preset.name)'"
                try description.check(preset.parameters, recipe: name)
                do { _ = try Session(plugin, description.id, preset.parameters) } catch let error as ZooError {
                    throw ZooError(.failedPrecondition, "create refuses the \(name): \(error.message)")
                }
            }
            return "\(description.presets.count) presets"
        },
        .each(
            "contract/malformed", "Parameters that are not a JSON object, and unknown algorithms, are refused.",
            needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let table = HostTable(ScriptedHost())
            let texts = ["[]", "{", "{\"a\"", "{} {}", "null", "7", "{\"a\": }", String(repeating: "[", count: 10_000)]
            for text in texts {
                _ = try refusal("the parameters \(text.prefix(20))") {
                    _ = try plugin.create(subject.algorithmID, host: table, parameters: text)
                }
            }
            let unknown = try refusal("an unknown algorithm") { _ = try plugin.create("no-such-algorithm", host: table) }
            try expect(unknown.code == .notFound, "an unknown algorithm was refused as \(unknown.code); expected notFound")
            return "\(texts.count + 1) refused"
        },
        .each("contract/unknown-extension", "An unknown extension is NULL.", needs: "contract/create") { subject in
            let session = try Session(subject.plugin(), subject.algorithmID)
            try expect(
                session.algorithm.getExtension("zoo.no-such-thing/9") == nil, "get_extension(\"zoo.no-such-thing/9\") is not NULL"
            )
            return "NULL"
        },
        .each(
            "contract/short-errors", "It writes no more into an error than the caller's size, and accepts NULL for one.",
            needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let host = HostTable(ScriptedHost())
            for size in [16, 17, 24, 64, 512] {
                let memory = GuardedMemory(Data(count: size))
                memory.start.storeBytes(of: UInt32(size), as: UInt32.self)
                let error = memory.start.assumingMemoryBound(to: zoo_error.self)
                let status = create(plugin, subject.algorithmID, host, error)
                try expect(
                    status == ZOO_INVALID_ARGUMENT,
                    "create with malformed parameters gave status \(status) for an error of \(size) bytes")
                let length = Int(memory.start.load(fromByteOffset: 12, as: UInt32.self))
                try expect(length <= size - 16, "a message of \(length) bytes was claimed in an error with room for \(size - 16)")
            }
            try expect(
                create(plugin, subject.algorithmID, host, nil) != ZOO_OK,
                "create with malformed parameters and a NULL error was OK")
            return "6 sizes"
        },
        .each(
            "contract/step", "It runs three iterations on plausible data, updates a network, and releases what it was given.",
            needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let description = try subject.algorithm(in: plugin)
            let table: HostTable
            let record: ScriptedHost.Record
            do {
                let session = try Session(plugin, description.id)
                try expect(session.host.record.calls.isEmpty, "create called \(session.host.record.calls.first ?? "")")
                try session.step(3)
                (table, record) = (session.table, session.host.record)
            }
            try expect(table.unreleased == 0, "\(table.unreleased) objects of the host were never released")
            try expect(!record.updates.isEmpty, "three iterations updated no network")
            for metric in record.metrics {
                try expect(metric.value.isFinite && metric.weight.isFinite, "the metric \(metric.name) is \(metric.value)")
            }
            let services = Set(record.calls.compactMap { $0.split(separator: ".").first }).map { "zoo.\($0)/1" }
            let unnamed = services.filter { !description.needs.services.contains($0) }.sorted()
            try expect(unnamed.isEmpty, "it calls \(unnamed.joined(separator: ", ")), which its needs do not list")
            return "\(record.calls.count) calls, \(record.updates.count) updates, \(record.metrics.count) metrics"
        },
    ]

    /// `create` with malformed parameters, and the caller's own error.
    private static func create(
        _ plugin: Plugin, _ id: String, _ host: HostTable, _ error: UnsafeMutablePointer<zoo_error>?
    ) -> Int32 {
        var made: UnsafeMutablePointer<zoo_algorithm_v1>?
        return id.withZooString { id in
            "[".withZooString { plugin.table.pointee.create(id, host.table, $0, &made, error) }
        }
    }

    /// The error that `body` throws; throws if there is none, or where it says nothing.
    static func refusal(_ what: String, _ body: () throws -> Void) throws -> ZooError {
        do {
            try body()
        } catch let error as ZooError {
            try expect(!error.message.isEmpty, "\(what) was refused without a message")
            return error
        }
        throw ZooError(.failedPrecondition, "\(what) was accepted; expected an error")
    }

    /// Memory that the process holds now, in bytes. Its peak would hide a leak below what loading took.
    private static func residentBytes() throws -> Int {
        #if canImport(Darwin)
            var info = mach_task_basic_info()
            var count = mach_msg_type_number_t(MemoryLayout<mach_task_basic_info>.size / MemoryLayout<natural_t>.size)
            let status = withUnsafeMutablePointer(to: &info) { info in
                info.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
                    task_info(mach_task_self_, task_flavor_t(MACH_TASK_BASIC_INFO), $0, &count)
                }
            }
            try expect(status == KERN_SUCCESS, "the system does not say how much memory the process holds")
            return Int(info.resident_size)
        #else
            let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            return (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
        #endif
    }
}

extension ParameterDescription {
    /// Values that its type, its range or its choices exclude.
    fileprivate var wrongValues: [(String, JSONValue)] {
        var values: [JSONValue]
        switch kind {
        case .number: values = [.string("text"), .bool(true), .array([])]
        case .integer: values = [.string("text"), .bool(true), .number((minimum ?? 1) + 0.5)]
        case .boolean: values = [.string("text"), .number(2)]
        case .string: values = [.number(12), .bool(true)] + (choices.isEmpty ? [] : [.string("no-such-choice")])
        case .array, .object: values = [.string("text"), .number(1)]
        }
        if let minimum { values.append(.number(minimumIsExcluded ? minimum : minimum - 1)) }
        if let maximum { values.append(.number(maximumIsExcluded ? maximum : maximum + 1)) }
        if !isNullable { values.append(.null) }
        return values.map { (name, $0) }
    }
}
