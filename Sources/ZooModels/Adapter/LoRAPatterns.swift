/// What PEFT's `LoraConfig` says of single modules: which are left out, which have another rank or scale, which are trained whole.
public struct LoRAPatterns: Codable, Sendable, Equatable {
    /// A value for the modules that a regular expression names.
    public struct Exception<Value: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
        public var pattern: String
        public var value: Value
    }

    /// `exclude_modules`; they come before the targets.
    public var excluded: LoRAConfig.Targets?
    /// `layers_to_transform`: the numbers of the layers that a list of targets is meant in; nil means all.
    public var layers: [Int]?
    /// `layers_pattern`: what the list of layers is called; empty means whatever its name.
    public var layerLists: [String] = []
    /// `rank_pattern`, in the order of the file: the first that fits counts.
    public var ranks: [Exception<Int>] = []
    /// `alpha_pattern`, likewise.
    public var alphas: [Exception<Double>] = []
    /// `modules_to_save`: layers that are replaced by whole weights of the adapter's own.
    public var saved: [String] = []

    public init() {}
}

/// A regular expression of Python's `re` for names of modules.
struct NamePattern {
    private let regex: Regex<AnyRegexOutput>

    /// - Parameter key: where it stands, for the error.
    init(_ text: String, key: String) throws {
        do {
            regex = try Regex(text).matchingSemantics(.unicodeScalar).wordBoundaryKind(.simple)
        } catch {
            throw ModelError("\(key): '\(text)' is not a regular expression that is understood here")
        }
    }

    /// Python's `re.fullmatch`.
    func matches(whole name: String) -> Bool { ((try? regex.wholeMatch(in: name)) ?? nil) != nil }

    /// Python's `re.match`.
    func matches(startOf name: String) -> Bool { ((try? regex.prefixMatch(in: name)) ?? nil) != nil }

    /// The number that the group `idx` matches at the start of a name; nil if the pattern does not fit.
    func index(in name: String) -> Int? {
        guard let match = (try? regex.prefixMatch(in: name)) ?? nil else { return nil }
        return match["idx"]?.substring.flatMap { Int($0) }
    }
}

/// The choice of modules that a config makes, as PEFT's `check_target_module_exists` makes it.
struct ModuleChoice {
    private let targets: (String) -> Bool
    private let isExcluded: (String) -> Bool
    private let isInLayers: (String) -> Bool

    /// - Parameter standard: the family's own targets.
    init(_ config: LoRAConfig, standard: [String]) throws {
        let patterns = config.patterns ?? LoRAPatterns()
        func names(_ chosen: LoRAConfig.Targets, _ key: String) throws -> (String) -> Bool {
            switch chosen {
            case .standard: return { LoRAConfig.matches($0, standard) }
            case .allLinear: return { _ in true }
            case .named(let names): return { LoRAConfig.matches($0, names) }
            case .pattern(let text):
                let pattern = try NamePattern(text, key: key)
                return { pattern.matches(whole: $0) }
            }
        }
        targets = try names(config.targets, "target_modules")
        let excluded = try patterns.excluded.map { try names($0, "exclude_modules") }
        let saved = try patterns.saved.map { try NamePattern(#"(^|.*\.)\#($0)($|\..*)"#, key: "modules_to_save") }
        isExcluded = { name in excluded?(name) == true || saved.contains { $0.matches(startOf: name) } }

        guard let layers = patterns.layers, case .named(let whole) = config.targets else {
            isInLayers = { _ in true }
            return
        }
        let places =
            try patterns.layerLists.isEmpty
            ? [NamePattern(#".*?\.[^.]*\.(?<idx>\d+)\."#, key: "layers_pattern")]
            : patterns.layerLists.map { try NamePattern(#"(?:^|.*?\.)\#($0)\.(?<idx>\d+)\."#, key: "layers_pattern") }
        isInLayers = { name in
            // A target that is a module's whole name is meant wherever that lies.
            whole.contains(name) || places.lazy.compactMap { $0.index(in: name) }.first.map(layers.contains) ?? false
        }
    }

    func contains(_ module: String) -> Bool { !isExcluded(module) && targets(module) && isInLayers(module) }
}
