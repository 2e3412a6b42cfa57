import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    /// What the schema says of the parameters, against what they do.
    static let parameterCases: [ConformanceCase] = [
        .each(
            "contract/defaults", "Created with {} and with every default of its schema, it behaves alike, bit for bit.",
            rule: "zoo/plugin.h: absent ones take their default"
        ) { subject in
            let plugin = try subject.plugin()
            let defaults = try subject.algorithm(in: plugin).defaults
            let (without, with) = (
                try Session(plugin, subject.id), try Session(plugin, subject.id, defaults)
            )
            try without.step(3)
            try with.step(3)
            if without.host.record == with.host.record { return "\(defaults.count) defaults" }
            // Which one it is, by leaving out one at a time.
            for name in defaults.keys.sorted() {
                guard let one = defaults[name], let session = try? Session(plugin, subject.id, [name: one]) else {
                    continue
                }
                try session.step(3)
                guard session.host.record != without.host.record else { continue }
                try subject.attempt("create with \(name) = \(one.shown), its default in the schema") {
                    try expectEqual(without.host.record, session.host.record, "it, against {},")
                }
            }
            try expectEqual(without.host.record, with.host.record, "every default together, against {},")
            return ""
        },
        .each(
            "contract/effects", "Every parameter does something: some value changes what the host sees.",
            rule: "zoo/plugin.h: The parameters: a subset of JSON Schema."
        ) { subject in
            let search = try EffectSearch(subject)
            let idle = try search.idle()
            try expect(
                idle.isEmpty, expected: "that every parameter has an effect under some setting",
                found: "none of \(idle.map { "'\($0)'" }.joined(separator: ", ")) in \(search.tried) runs of two iterations")
            return "\(search.judged) parameters, \(search.tried) runs"
        },
    ]
}

/// Looks for a difference that each parameter makes: alone, with each other setting, with each preset, with two settings.
private final class EffectSearch {
    private let subject: Subject
    private let plugin: Plugin
    private let description: AlgorithmDescription
    /// Small numbers of prompts, pairs and samples, so that a run takes a millisecond.
    private var small: [String: JSONValue] = [:]
    private var baselines: [String: ScriptedHost.Record?] = [:]
    private(set) var tried = 0
    private(set) var judged = 0

    /// Runs after which the search gives up on what it has not found.
    private static let limit = 4000

    init(_ subject: Subject) throws {
        self.subject = subject
        plugin = try subject.plugin()
        description = try subject.algorithm(in: plugin)
        for parameter in description.parameters {
            let count: Double
            switch parameter.counts {
            case .prompts?, .pairs?: count = 3
            case .samplesPerPrompt?: count = max(2, min(parameter.defaultValue?.number ?? 2, 4))
            case .examples?: count = 6
            default: continue
            }
            if parameter.accepts(count) { small[parameter.name] = .number(count) }
        }
        if run([:], .plain) == nil { small = [:] }
    }

    /// The names of the parameters without an effect.
    func idle() throws -> [String] {
        var open = description.parameters.filter { !$0.others.isEmpty }
        judged = open.count
        let numbers = description.parameters.filter { $0.choices.isEmpty }.flatMap { parameter in
            parameter.others.prefix(1).map { [parameter.name: $0] }
        }
        let single = description.variants.map(\.parameters) + description.presets.map(\.parameters) + numbers
        for kind in Kind.allCases {
            open.removeAll { hasEffect($0, in: [[:]], kind) }
        }
        for kind in Kind.allCases {
            open.removeAll { hasEffect($0, in: sorted(single, for: $0), kind) }
        }
        guard !open.isEmpty else { return [] }
        let double = single.flatMap { one in single.map { one.merging($0) { first, _ in first } } }
        open.removeAll { hasEffect($0, in: sorted(double, for: $0), .plain) }
        return open.map(\.name)
    }

    private enum Kind: String, CaseIterable { case plain, harsh }

    private func hasEffect(_ parameter: ParameterDescription, in contexts: [[String: JSONValue]], _ kind: Kind) -> Bool {
        for context in contexts where context[parameter.name] == nil {
            guard tried < Self.limit else { return false }
            guard let baseline = baseline(context, kind) else { continue }
            for value in parameter.others {
                var changed = context
                changed[parameter.name] = value
                if let record = run(changed, kind), record != baseline { return true }
            }
        }
        return false
    }

    /// Settings that the parameter's description speaks of come first.
    private func sorted(_ contexts: [[String: JSONValue]], for parameter: ParameterDescription) -> [[String: JSONValue]] {
        func relevance(_ context: [String: JSONValue]) -> Int {
            context.reduce(0) { sum, setting in
                let words = [setting.key, setting.value.string ?? ""].filter { !$0.isEmpty }
                let spoken = words.count { (parameter.doc + " " + parameter.name).contains($0) }
                let doc = description.parameter(setting.key)?.doc ?? ""
                return sum + 2 * spoken + (doc.contains(parameter.name) ? 2 : 0)
            }
        }
        return contexts.enumerated().map { ($0.offset, relevance($0.element), $0.element) }
            .sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.2)
    }

    private func baseline(_ context: [String: JSONValue], _ kind: Kind) -> ScriptedHost.Record? {
        let key = kind.rawValue + ((try? JSONValue.object(context).text()) ?? "")
        if let known = baselines[key] { return known }
        let record = run(context, kind)
        baselines[key] = record
        return record
    }

    /// What two iterations did; nil where the parameters are refused.
    private func run(_ parameters: [String: JSONValue], _ kind: Kind) -> ScriptedHost.Record? {
        tried += 1
        let all = small.merging(parameters) { $1 }
        let task: SyntheticTask = kind == .plain ? SyntheticTask() : .harsh()
        guard let session = try? Session(plugin, description.id, all, task: task) else { return nil }
        do { try session.step(2) } catch { return nil }
        return session.host.record
    }
}

extension ParameterDescription {
    /// Values other than the default, the nearer ones first; empty for text, lists and maps, of which nothing is known.
    fileprivate var others: [JSONValue] {
        if !choices.isEmpty { return choices.filter { $0 != defaultValue } }
        switch kind {
        case .boolean: return [.bool(!(defaultValue?.bool ?? false))]
        case .string, .array, .object: return []
        case .integer, .number:
            let base = defaultValue?.number ?? minimum ?? 0
            var values =
                kind == .integer ? [base + 1, base + 2, base - 1, 2 * base] : [base + 0.1, base / 2, 2 * base, base + 1]
            values += kind == .integer ? [1, 0] : [0, 1, 0.01, base * 10, -1, 1e-3]
            if counts == nil { values += [minimum, maximum].compactMap(\.self).filter { abs($0) <= 1000 } }
            var seen: Set<Double> = []
            return values.filter { $0 != defaultValue?.number && accepts($0) && seen.insert($0).inserted }.map { .number($0) }
        }
    }
}
