import Foundation
import ZooBase
import ZooKit

/// Reads the parts of a 64-bit little-endian ELF file that the checks need.
struct ELFFile {
    /// Symbols that other libraries can bind to, sorted.
    let exports: [String]
    /// Libraries that the loader brings along.
    let needed: [String]
    /// Folders that the loader searches for them.
    let searchFolders: [String]

    /// Whether a library of that name belongs to a language or to the system, and is there before any plugin is.
    static func isOfLanguage(_ library: String) -> Bool { languageLibraries.contains { library.hasPrefix($0) } }

    private static let languageLibraries = [
        "libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "ld-linux", "libgcc_s.so", "libstdc++.so", "libc++.so",
        "libc++abi.so", "libswift", "libFoundation", "lib_Foundation", "libdispatch.so", "libBlocksRuntime.so",
    ]

    /// Throws if the file is not such a library.
    init(path: String) throws {
        let image = try Image(bytes: InputFile.data(URL(fileURLWithPath: path), isMapped: true), path: path)
        let sections = try image.sections()
        var (exports, needed, folders) = ([String](), [String](), [String]())
        for section in sections where section.type == Section.dynamicSymbols {
            let names = try image.strings(of: section, sections)
            for entry in stride(from: section.offset, to: section.offset + section.size, by: 24) {
                let (binding, visibility) = (
                    try image.read(UInt8.self, entry + 4) >> 4, try image.read(UInt8.self, entry + 5) & 3
                )
                let isDefined = try image.read(UInt16.self, entry + 6) != 0
                // Global, weak or unique, and of default or protected visibility.
                guard isDefined, [1, 2, 10].contains(binding), [0, 3].contains(visibility) else { continue }
                exports.append(try image.text(names.offset + Int(image.read(UInt32.self, entry))))
            }
        }
        for section in sections where section.type == Section.dynamic {
            let names = try image.strings(of: section, sections)
            for entry in stride(from: section.offset, to: section.offset + section.size, by: 16) {
                let (tag, value) = (try image.read(Int64.self, entry), try image.read(UInt64.self, entry + 8))
                switch tag {
                case 1: needed.append(try image.text(names.offset + Int(value)))
                case 15, 29: folders += try image.text(names.offset + Int(value)).split(separator: ":").map(String.init)
                default: continue
                }
            }
        }
        self.exports = exports.sorted()
        self.needed = needed
        searchFolders = folders
    }

    private struct Section {
        static let dynamic: UInt32 = 6, dynamicSymbols: UInt32 = 11
        let type: UInt32
        let offset: Int
        let size: Int
        let link: Int
    }

    private struct Image {
        let bytes: Data
        let path: String

        init(bytes: Data, path: String) throws {
            (self.bytes, self.path) = (bytes, path)
            guard bytes.count > 64, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
                throw ZooError(.invalidArgument, "\(path): not a 64-bit little-endian ELF file")
            }
        }

        func read<T: FixedWidthInteger>(_: T.Type, _ offset: Int) throws -> T {
            guard offset >= 0, offset <= bytes.count - MemoryLayout<T>.size else {
                throw ZooError(.dataLoss, "\(path): truncated: it refers to byte \(offset) of \(bytes.count)")
            }
            return T(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) })
        }

        func text(_ offset: Int) throws -> String {
            var end = offset
            while try read(UInt8.self, end) != 0 { end += 1 }
            return String(decoding: bytes[offset..<end], as: UTF8.self)
        }

        func sections() throws -> [Section] {
            let (start, stride) = (try place(0x28), Int(try read(UInt16.self, 0x3a)))
            return try (0..<Int(read(UInt16.self, 0x3c))).map { index in
                let header = start + index * stride
                return Section(
                    type: try read(UInt32.self, header + 4), offset: try place(header + 0x18), size: try place(header + 0x20),
                    link: Int(try read(UInt32.self, header + 0x28)))
            }
        }

        func strings(of section: Section, _ sections: [Section]) throws -> Section {
            guard sections.indices.contains(section.link) else { throw ZooError(.dataLoss, "\(path): a table has no names") }
            return sections[section.link]
        }

        /// An offset or a size within the file.
        private func place(_ offset: Int) throws -> Int {
            let value = try read(UInt64.self, offset)
            guard value < 1 << 40 else {
                throw ZooError(.dataLoss, "\(path): truncated: it refers to byte \(value) of \(bytes.count)")
            }
            return Int(value)
        }
    }
}
