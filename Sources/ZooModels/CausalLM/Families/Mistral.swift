import Foundation
import ZooBase

extension FamilyTraits {
    /// Jiang et al. 2023: Llama with a sliding window in every layer.
    static let mistral = FamilyTraits(
        className: "Mistral", defaults: Defaults(positions: 4096 * 32), options: ["sliding_window"],
        read: { config, keys in
            // An absent key means 4096; null means no window.
            config.slidingWindow = keys.json["sliding_window"] == nil ? 4096 : try keys.optionalSize("sliding_window")
        },
        write: { ["sliding_window": $0.slidingWindow.map(JSONValue.integer) ?? .null] })
}
