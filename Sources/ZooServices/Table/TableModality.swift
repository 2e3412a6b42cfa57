import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooRecipe
import ZooTensor

/// Actions of a table: sequences of numbers, whose policy is known exactly.
package struct TableModality: TokenModality {
    package let codec: any TextCodec = NumberCodec()
    package let tokens: TokenizedRows
    package let ends: [Int32] = []
    private let task: TabularTask

    package init(_ task: TabularTask, limits: DataSources) {
        self.task = task
        tokens = TokenizedRows(codec: codec, maxPromptLength: limits.maxPromptLength, maxLength: limits.maxLength)
    }

    /// What is measured of tokens, and what is known in closed form: `exact/kl`, `exact/reward`, `exact/frontier_gap`.
    package func measure(
        _ role: String, on prompts: Batch, _ plan: MeasuringPlan, _ networks: any NetworkAccess, into measured: inout Measured
    )
        throws -> Batch
    {
        let batch = try measureTokens(role, on: prompts, plan, networks, into: &measured)
        if role != "reference", let policy = try networks.network(role) as? Tabular,
            let reference = try networks.network("reference") as? Tabular
        {
            measured.metrics.merge(ExactTabular(policy, reference: reference, task).metrics) { $1 }
        }
        return batch
    }
}
