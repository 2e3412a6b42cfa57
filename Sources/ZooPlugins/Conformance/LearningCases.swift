import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    /// Does it learn? On a task whose optimum is known.
    static let learningCases: [ConformanceCase] = [
        .each(
            "learning/optimum", "Sixty iterations on a table of four actions bring it most of the way to the known optimum.",
            rule: "zoo/plugin.h: One iteration of the algorithm", needs: "contract/progress"
        ) { subject in
            let lesson = try Lesson(subject, [:])
            try lesson.learn(60)
            let share = lesson.share
            try expect(share >= 0.5, expected: "half of the way from chance to the optimum, or more", found: lesson.words)
            return lesson.words
        },
        .each(
            "learning/settings", "Every choice and switch learns in the right direction.",
            rule: "zoo/plugin.h: One iteration of the algorithm", needs: "learning/optimum"
        ) { subject in
            var worst = (share: Double.infinity, name: "")
            let settings = try subject.forEachVariant(choicesOnly: true) { variant, session in
                let lesson = try Lesson(subject, session.parameters)
                try lesson.learn(30)
                var share = lesson.share
                if share < 0.1 { share = try retried(subject, variant, session.parameters) ?? share }
                try expect(share >= 0.1, expected: "a tenth of the way from chance to the optimum, or more", found: lesson.words)
                if share < worst.share { worst = (share, variant.name) }
            }
            return "\(settings); the least of the way is \(percent(worst.share)), with \(worst.name)"
        },
    ]

    /// How far the choice comes with a number raised whose description speaks of it: at its default, discopop's temperature leaves it
    /// in a local optimum at chance.
    private static func retried(
        _ subject: Subject, _ variant: ParameterVariant, _ parameters: [String: JSONValue]
    ) throws -> Double? {
        let words = variant.parameters.values.compactMap(\.string)
        for parameter in try subject.algorithm(in: subject.plugin()).parameters {
            guard let raised = parameter.raised, words.contains(where: parameter.doc.contains) else { continue }
            let lesson = try Lesson(subject, parameters.merging([parameter.name: raised]) { $1 })
            try lesson.learn(30)
            if lesson.share >= 0.1 { return lesson.share }
        }
        return nil
    }

    private static func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }

    /// An algorithm at work in a ``TabularWorld``.
    private final class Lesson {
        private let world = TabularWorld(seed: 1)
        private let host = ScriptedHost(seed: 1)
        private let algorithm: AlgorithmInstance
        private var trained: Set<String> = []

        init(_ subject: Subject, _ parameters: [String: JSONValue]) throws {
            let plugin = try subject.plugin()
            var all = try subject.algorithm(in: plugin).counting(sequences: 64)
            all.merge(parameters) { $1 }
            world.serve(host)
            algorithm = try plugin.create(subject.id, host: HostTable(host), parameters: JSONValue.object(all).text())
        }

        func learn(_ iterations: Int) throws {
            for _ in 0..<iterations {
                try algorithm.step()
                trained.formUnion(host.record.updates)
                host.clearRecord()
                host.endIteration()
            }
        }

        private var isRewardModel: Bool { trained == ["reward"] }

        /// 0 at chance, 1 at the optimum, below 0 on the wrong way.
        var share: Double { isRewardModel ? 2 * world.orderedShare - 1 : (world.expectedReward - 0.375) / 0.625 }

        var words: String {
            isRewardModel
                ? "\(percent(world.orderedShare)) of pairs in the right order, against 50 % by chance"
                : "an expected reward of \(rounded(world.expectedReward)), against 0.375 by chance and 1 at the optimum"
        }

        private func rounded(_ value: Double) -> Double { (1000 * value).rounded() / 1000 }
    }
}
