import Foundation
import ZooBase

/// `environment.json`, as far as a report shows it.
package struct EnvironmentNote: Decodable {
    struct Plugin: Decodable {
        struct Algorithm: Decodable {
            var id: String
            var needs: Needs?
            var parameters: [Parameter]
        }
        struct Needs: Decodable {
            /// The kinds of data that it reads: `prompts`.
            var data: [String]?
        }
        struct Parameter: Decodable {
            var name: String
            var isNullable: Bool?
            var defaultValue: JSONValue?
        }
        var path: String
        var sha256: String
        var toolchain: String?
        var algorithms: [Algorithm]?
    }

    var started: Date?
    var plugin: Plugin
    var abi: String?
    var libtorch: String?
    var compiler: String?
    var system: String?
    var processors: Int?
    var memoryBytes: Double?
    var device: String?
    var threads: Int?

    /// The default of a parameter; nil if it has none.
    func standard(_ parameter: String, of algorithm: String?) -> String? {
        let known = plugin.algorithms?.first { $0.id == algorithm }?.parameters.first { $0.name == parameter }
        guard let value = known?.defaultValue else { return known?.isNullable == true ? "null" : nil }
        return value.string ?? (try? value.text())
    }
}
