import Foundation
import ZooKit

extension ConformanceCase {
    static let binaryCases: [ConformanceCase] = [
        .once(
            "binary/exports", "The library exports its entry and nothing else.",
            rule: "zoo/plugin.h: The one exported symbol.", needs: nil
        ) { subject in
            let exports = try library(subject).exports
            let entries = exports.filter { $0.hasPrefix("zoo_plugin_entry_v") }
            let others = exports.filter { !entries.contains($0) && !linkerSymbols.contains($0) }
            try expect(
                entries.contains("zoo_plugin_entry_v1"), expected: "the export zoo_plugin_entry_v1",
                found: entries.isEmpty ? "no entry" : entries.joined(separator: ", "))
            try expect(
                others.isEmpty,
                "it exports \(others.count) more symbols, such as \(others.prefix(3).joined(separator: ", ")); "
                    + "hide them with -fvisibility=hidden or a version script")
            return entries.joined(separator: ", ")
        },
        .once(
            "binary/dependencies", "The library depends only on the language's own libraries, and searches no relative folder.",
            rule: "zoo/zoo.h: A plugin is a shared library that exports one function", needs: nil
        ) { subject in
            let file = try library(subject)
            let strangers = file.needed.filter { !ELFFile.isOfLanguage($0) }
            try expect(strangers.isEmpty, "it needs \(strangers.joined(separator: ", ")); link such libraries statically")
            let planted = file.searchFolders.filter {
                !$0.hasPrefix("/") && !$0.hasPrefix("$ORIGIN") && !$0.hasPrefix("${ORIGIN}")
            }
            try expect(planted.isEmpty, "it searches the relative folder \(planted.joined(separator: ", ")) for libraries")
            return "\(file.needed.count) libraries"
        },
        .once(
            "binary/loads", "The library binds every symbol at load, and its description can be read.",
            rule: "zoo/plugin.h: Static data, the same pointer at every call of the entry.", needs: nil
        ) { subject in
            let description = try subject.plugin().description
            return "\(description.algorithms.map(\.id).joined(separator: ", ")); built by \(description.toolchain)"
        },
        .once(
            "binary/load-time", "Loading takes less than 100 ms of processor time.",
            rule: "zoo/plugin.h: Static data, the same pointer at every call of the entry."
        ) { subject in
            let result = try ScanResult(of: subject.path)
            try expect(
                result.seconds < 0.1, expected: "less than 100 ms of processor time", found: "\(Int(result.seconds * 1000)) ms")
            return "\(Int(result.seconds * 1000)) ms"
        },
    ]

    private static func library(_ subject: Subject) throws -> ELFFile {
        #if os(Linux)
            return try ELFFile(path: subject.path)
        #else
            throw NotApplicable(reason: "only ELF files are read")
        #endif
    }

    /// Borders of segments, which linkers put into every library's table.
    private static let linkerSymbols: Set<String> = ["_init", "_fini", "__bss_start", "_edata", "_end"]
}
