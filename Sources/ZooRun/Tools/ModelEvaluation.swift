import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

extension RunController {
    /// Measures the model in a folder as the recipe's evaluation says, against the last stage's reference.
    ///
    /// - Throws: if the recipe has no evaluation, or the model is incomplete or has a different tokenizer.
    public func evaluate(_ model: URL) async throws -> EvaluationResult {
        guard let evaluation = recipe.evaluation, evaluation.prompts != nil, var stage = recipe.stages.last else {
            throw ZooError(
                .invalidArgument, "\(recipe.file.path) has no 'evaluation' with 'prompts' to sample for")
        }
        // Rewards are normalised on samples, and a stage that trains on examples names no prompts for them.
        stage.data.prompts = stage.data.prompts ?? evaluation.prompts
        try checkData()
        let spec = try spec(stage, seed: recipe.seed, models: await artifacts(), evaluates: true)
        Engine.configure(threads: recipe.threads)
        var setup = try StageSetup(spec, needs: AlgorithmNeeds(data: [.prompts], roles: ["policy", "reference"], services: []))
        let own = try setup.factory.reader(.folder(model))
        if let fault = setup.reader.misreading(by: own) ?? own.misreading(by: setup.reader) {
            throw ZooError(
                .invalidArgument, "\(model.path) has a different tokenizer than the models of \(recipe.file.path): \(fault)")
        }
        setup.trained = model
        setup.say = { _ in }  // standard output is the result's
        let stop = StopSignal()
        let services = try setup.services(folder: RunFolder(model), stop: stop)
        return try Evaluator(evaluation, setup, services, stop: stop).run()
    }
}
