import ZooKit

/// One property of a good plugin, checked in a separate process.
struct ConformanceCase: Sendable {
    /// "group/name"; the groups are binary, contract, host, memory, numerics, state, learning, faults and reward.
    let id: String
    /// What a good plugin does, in a sentence.
    let claim: String
    /// The header that says so, and its words: "zoo/model.h: Steps with mask 0 get exactly 0."
    let rule: String
    /// The case that this one depends on.
    let needs: String?
    let scope: Scope
    /// Throws a ``Finding`` if the plugin fails; returns what was observed.
    let run: @Sendable (Subject) throws -> String

    /// What a case is tried for.
    enum Scope: Sendable {
        /// Once, for the plugin.
        case plugin
        /// Each algorithm.
        case algorithm
        /// Each reward.
        case reward
    }

    /// Every case, in the order of the report.
    static let all =
        binaryCases + contractCases + stepCases + tableCases + hostCases + memoryCases + numericsCases + lateNumericsCases
        + parameterCases + stateCases + processCases + learningCases + faultCases + rewardCases + rewardMemoryCases

    /// One that is tried once.
    static func once(
        _ id: String, _ claim: String, rule: String, needs: String? = "binary/loads",
        _ run: @escaping @Sendable (Subject) throws -> String
    ) -> ConformanceCase {
        ConformanceCase(id: id, claim: claim, rule: rule, needs: needs, scope: .plugin, run: run)
    }

    /// One that is tried for each algorithm.
    static func each(
        _ id: String, _ claim: String, rule: String, needs: String? = "contract/step",
        _ run: @escaping @Sendable (Subject) throws -> String
    ) -> ConformanceCase {
        ConformanceCase(id: id, claim: claim, rule: rule, needs: needs, scope: .algorithm, run: run)
    }

    /// One that is tried for each reward.
    static func reward(
        _ id: String, _ claim: String, rule: String, needs: String? = "reward/numbers",
        _ run: @escaping @Sendable (Subject) throws -> String
    ) -> ConformanceCase {
        ConformanceCase(id: id, claim: claim, rule: rule, needs: needs, scope: .reward, run: run)
    }
}

/// The case does not apply to this plugin.
struct NotApplicable: Error {
    let reason: String
}

/// Where a plugin fails a case: in which sub-trial, and how.
struct Finding: Error {
    /// "with baseline = none, at iteration 2"; empty where the case has only one trial.
    var trial: String
    var expected: String?
    /// What was found; a whole sentence where `expected` is nil.
    var found: String

    /// The sentence of the report.
    var sentence: String {
        (trial.isEmpty ? "" : trial + ": ") + (expected.map { "expected \($0), found \(found)" } ?? found)
    }
}

/// Throws the sentence where the condition does not hold.
func expect(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    guard condition else { throw Finding(trial: "", expected: nil, found: sentence()) }
}

/// Throws what was expected and what was found where the condition does not hold.
func expect(_ condition: Bool, expected: @autoclosure () -> String, found: @autoclosure () -> String) throws {
    guard condition else { throw Finding(trial: "", expected: expected(), found: found()) }
}
