import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    static let contractCases: [ConformanceCase] = [
        .each(
            "contract/create", "An algorithm is created from its defaults and destroyed.",
            rule: "zoo/plugin.h: `parameters` is a JSON object of what the recipe sets",
            needs: "binary/loads"
        ) { subject in
            let plugin = try subject.plugin()
            let description = try subject.algorithm(in: plugin)
            try subject.attempt("create with {}") { _ = try Session(plugin, description.id) }
            try subject.attempt("create with every default of the schema") {
                _ = try Session(plugin, description.id, description.defaults)
            }
            return "\(description.parameters.count) parameters"
        },
        .each(
            "contract/entry", "The entry returns the same table at every call.",
            rule: "zoo/plugin.h: Static data, the same pointer at every call of the entry.", needs: "contract/create"
        ) { subject in
            let library = try DynamicLibrary(path: PluginFile.checked(subject.path))
            let entry = try Plugin.entry(of: library)
            let (first, second) = (entry(), entry())
            try expect(first == second, "the second call returned another table")
            let before = try subject.plugin().description
            _ = try Session(subject.plugin(), subject.id)
            try expect(entry() == first, "the entry returned another table after create")
            try expect(try subject.plugin().description == before, "the table had other contents after create")
            return "4 calls"
        },
        .each(
            "contract/lifecycle", "Created and destroyed a thousand times, it leaks nothing.",
            rule: "zoo/plugin.h: Frees the algorithm and this table.", needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            func make(_ count: Int) throws {
                for _ in 0..<count { _ = try Session(plugin, subject.id) }
            }
            try make(100)
            let before = try residentBytes()
            try make(1000)
            let grown = (try residentBytes() - before) >> 20
            try expect(grown < 32, expected: "less than 32 MiB left behind by 1000 algorithms", found: "\(grown) MiB")
            return "\(grown) MiB grown"
        },
        .each(
            "contract/parameters", "Unknown names, wrong types and values out of range are refused by name.",
            rule: "zoo/plugin.h: ZOO_INVALID_ARGUMENT with the parameter's name in the message", needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let description = try subject.algorithm(in: plugin)
            guard try readsJSON(subject, plugin) else { throw NotApplicable(reason: hasCheckedParameters) }
            var tried = 0
            for (name, value) in [("no_such_parameter", JSONValue.number(1))] + description.parameters.flatMap(\.wrongValues) {
                tried += 1
                try subject.attempt("create with \(name) = \(value.shown)") {
                    let refusal = try refusal("the parameter") {
                        _ = try Session(plugin, description.id, [name: value], isChecked: false)
                    }
                    try expect(refusal.code == .invalidArgument, expected: "invalidArgument", found: "\(refusal.code)")
                    try expect(
                        refusal.message.contains(name), expected: "a message that names '\(name)'", found: refusal.message)
                }
            }
            return "\(tried) refused"
        },
        .each(
            "contract/presets", "Each preset sets existing parameters to valid values.",
            rule: "zoo/plugin.h: settings of", needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let description = try subject.algorithm(in: plugin)
            guard !description.presets.isEmpty else { throw NotApplicable(reason: "it has no presets") }
            for preset in description.presets {
                let name = "preset '\(description.id)@\(preset.name)'"
                try subject.attempt(name) {
                    try description.check(preset.parameters, recipe: name)
                    _ = try Session(plugin, description.id, preset.parameters)
                }
            }
            return "\(description.presets.count) presets"
        },
        .each(
            "contract/malformed", "Parameters that are not a JSON object, and unknown algorithms, are refused.",
            rule: "zoo/plugin.h: `parameters` is a JSON object of what the recipe sets", needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let table = HostTable(ScriptedHost())
            var texts = ["[]", "{", "{\"a\"", "{} {}", "null", "7", "{\"a\": }", String(repeating: "[", count: 10_000)]
            if try !readsJSON(subject, plugin) { texts = [] }
            for text in texts {
                try subject.attempt("create with the parameters \(text.prefix(20))") {
                    _ = try refusal("the text") {
                        _ = try plugin.create(subject.id, host: table, parameters: text, isChecked: false)
                    }
                }
            }
            let unknown = try refusal("an unknown algorithm") { _ = try plugin.create("no-such-algorithm", host: table) }
            try expect(unknown.code == .notFound, "an unknown algorithm was refused as \(unknown.code); expected notFound")
            return "\(texts.count + 1) refused"
        },
        .each(
            "contract/unknown-extension", "An unknown extension is NULL.",
            rule: "zoo/plugin.h: An extension of the algorithm by its id; NULL where it has none of that name.",
            needs: "contract/create"
        ) { subject in
            let session = try Session(subject.plugin(), subject.id)
            try expect(
                session.algorithm.getExtension("zoo.no-such-thing/9") == nil, "get_extension(\"zoo.no-such-thing/9\") is not NULL"
            )
            return "NULL"
        },
        .each(
            "contract/short-errors", "It writes no more into an error than the caller's size, and accepts NULL for one.",
            rule: "zoo/base.h: truncating the text at the size the caller declared", needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let host = HostTable(ScriptedHost())
            for size in [16, 17, 24, 64, 512] {
                try subject.attempt("create with an error of \(size) bytes") {
                    let memory = GuardedMemory(Data(count: size))
                    memory.start.storeBytes(of: UInt32(size), as: UInt32.self)
                    let error = memory.start.assumingMemoryBound(to: zoo_error.self)
                    let status = create(plugin, subject.id, host, error)
                    try expect(
                        status == ZOO_INVALID_ARGUMENT,
                        "create with malformed parameters gave status \(status) for an error of \(size) bytes")
                    let length = Int(memory.start.load(fromByteOffset: 12, as: UInt32.self))
                    try expect(length <= size - 16, expected: "a message of at most \(size - 16) bytes", found: "\(length)")
                }
            }
            try expect(
                create(plugin, subject.id, host, nil) != ZOO_OK,
                "create with malformed parameters and a NULL error was OK")
            return "6 sizes"
        },
    ]

    /// `create` with malformed parameters, and the caller's own error.
    private static func create(
        _ plugin: Plugin, _ id: String, _ host: HostTable, _ error: UnsafeMutablePointer<zoo_error>?
    ) -> Int32 {
        var made: UnsafeMutablePointer<zoo_algorithm_v1>?
        return id.withZooString { id in
            "[".withZooString { text in
                host.gate.during(.create) { plugin.table.pointee.create(id, host.table, text, &made, error) }
            }
        }
    }

    /// Whether `create` reads the JSON; one that asks for "zoo.parameters/1" gets what the host has checked instead.
    private static func readsJSON(_ subject: Subject, _ plugin: Plugin) throws -> Bool {
        let session = try Session(plugin, subject.id)
        return !session.table.asked.withLock { $0.contains(ZOO_PARAMETERS_ID) }
    }

    private static let hasCheckedParameters = "it reads its parameters through zoo.parameters/1, which the host has checked"

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
    static func residentBytes() throws -> Int {
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
