import Foundation
import ZooBase
import ZooRecords

/// The JavaScript that draws the charts of a report: Vega, Vega-Lite and vega-embed in one file, which `make setup` puts into the
/// cache.
package enum ChartLibrary {
    /// Of vl-convert-python, which creates the file; pinned in the Makefile too.
    package static let version = "1.9.0.post1"

    /// The file's text.
    ///
    /// Searched at `POLICYZOO_CHARTS`, then in the cache of POLICYZOO_CACHE and in the user's.
    /// - Throws: ``ReportError`` that says how to get it.
    package static func load() throws -> String {
        let given = ProcessInfo.processInfo.environment["POLICYZOO_CHARTS"].flatMap { $0.isEmpty ? nil : $0 }
        let name = "vega-\(version).js"
        let places = given.map { [URL(filePath: $0)] } ?? [CacheFolder.root, CacheFolder.user].map { $0.appending(path: name) }
        guard let file = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw ReportError(
                "\(places.last?.path ?? name) is missing, which draws the report's charts; get it with `make charts`",
                status: .noInput)
        }
        let text = try InputFile.text(file)
        guard text.contains("vegaEmbed"), !text.lowercased().contains("</script") else {
            throw ReportError(
                "\(file.path) is damaged: it does not define vegaEmbed; remove it and run `make charts`", status: .data)
        }
        return text
    }
}
