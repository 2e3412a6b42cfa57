import Foundation
import ZooBase
import ZooRecipe

/// What stands beside a model's weights about them: the header of its card, the files of its licence, its place in the Hub's cache.
package struct ModelOrigin {
    /// The folder's name, or the model's on the Hub.
    package let name: String
    /// `ORGANISATION/NAME` where the folder lies in the Hub's cache.
    package let hubName: String?
    /// The card's header: YAML between two lines of `---`; empty where there is none.
    private let header: [String: JSONValue]
    /// The files that licences and notices are in.
    package let licences: [URL]

    private static let licenceNames = ["LICENSE", "LICENCE", "NOTICE", "USE_POLICY"]
    /// Far above any licence, in bytes.
    private static let longest = 1 << 20

    package init(_ folder: URL) {
        hubName = Self.hubName(folder)
        name = hubName ?? folder.standardizedFileURL.lastPathComponent
        // A card that cannot be read says nothing.
        let card = try? InputFile.text(folder.appending(path: "README.md"), atMost: Self.longest)
        header = card.flatMap(Self.header) ?? [:]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        licences = names.sorted().filter { name in Self.licenceNames.contains { name.uppercased().hasPrefix($0) } }
            .map { folder.appending(path: $0) }.filter { (try? InputFile.data($0, atMost: Self.longest)) != nil }
    }

    /// The Hub's name of the licence, as the card has it; nil: not known.
    package var license: String? { header["license"]?.string }
    /// What the card says besides where that is `other`.
    package var licenseDetails: [String: JSONValue] { header.filter { ["license_name", "license_link"].contains($0.key) } }
    /// What the card names as its base: one of several.
    package var baseModel: String? { header["base_model"]?.string ?? header["base_model"]?.array?.first?.string }
    /// Of the card: a list, or one.
    package var language: JSONValue? { header["language"] }

    private static func header(_ card: String) -> [String: JSONValue]? {
        let lines = card.split(separator: "\n", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .newlines) }
        guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return nil }
        let text = lines[1..<end].joined(separator: "\n")
        return (try? RecipeNode.parse(text) { "\($0)" })?.json.object?.dictionary
    }

    /// Of `…/models--HuggingFaceTB--SmolLM2-135M/snapshots/REVISION`.
    private static func hubName(_ folder: URL) -> String? {
        let parts = folder.standardizedFileURL.pathComponents
        guard let place = parts.lastIndex(of: "snapshots"), place > 0, parts[place - 1].hasPrefix("models--") else { return nil }
        let words = parts[place - 1].components(separatedBy: "--").dropFirst()
        return words.count == 2 ? words.joined(separator: "/") : nil
    }
}
