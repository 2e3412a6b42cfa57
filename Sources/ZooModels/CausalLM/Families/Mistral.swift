import Foundation

extension FamilyTraits {
    /// Jiang et al. 2023: Llama with a sliding window in every layer.
    static let mistral = FamilyTraits(
        className: "Mistral", defaults: Defaults(positions: 4096 * 32), options: ["sliding_window"],
        read: { config, keys in
            // A file that is silent means 4096; one without a window says null.
            config.slidingWindow = keys.json["sliding_window"] == nil ? 4096 : try keys.optionalSize("sliding_window")
        },
        write: { ["sliding_window": $0.slidingWindow ?? NSNull()] })
}
