import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

#if canImport(Darwin)
    import MachO
#endif

/// Facts about the engine, for people.
public enum EngineInfo {
    /// Of libtorch, as it was loaded.
    public static var version: String { Engine.version }

    /// Why `device: cuda` cannot be used here; nil if it can.
    public static var cudaProblem: String? {
        do {
            _ = try Device("cuda")
            return nil
        } catch { return plainWords(error) }
    }

    /// The file of a library that this process has loaded, by the start of its name; nil if none is loaded.
    public static func library(_ name: String) -> String? {
        loaded.first { URL(fileURLWithPath: $0).lastPathComponent.hasPrefix(name) }
    }

    private static var loaded: [String] {
        #if canImport(Darwin)
            return (0..<_dyld_image_count()).compactMap { _dyld_get_image_name($0).map { String(cString: $0) } }
        #else
            let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
            return maps.split(separator: "\n").compactMap { line in line.firstIndex(of: "/").map { String(line[$0...]) } }
        #endif
    }
}
