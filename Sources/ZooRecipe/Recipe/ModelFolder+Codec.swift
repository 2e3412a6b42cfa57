import Foundation
import ZooBase
import ZooData

extension Codec where Value == URL {
    /// A model's folder: a path, or `data:NAME` for one that `zoo data fetch` gets.
    static let modelFolder = Codec("a model folder", .text("path, or \(FetchedModel.prefix)NAME")) { field in
        let path = Codec<URL>.path("a model folder", needsFolder: true)
        guard let text = field.node.json.string else { return try path.value(field) }
        do {
            let fetched = try FetchedModel.place(text)
            if let folder = try field.reading.checksFiles ? FetchedModel.folder(text) : fetched { return folder }
        } catch {
            throw field.error(plainWords(error))
        }
        do { return try path.value(field) } catch let error as RecipeError where FetchedModel.names.contains(text) {
            throw RecipeError(
                error.place, path: error.path,
                "\(error.reason); the model that `zoo data fetch \(text)` gets is \(FetchedModel.prefix)\(text)")
        }
    } write: {
        .text(FetchedModel.name(of: $0) ?? $0.path)
    }
}
