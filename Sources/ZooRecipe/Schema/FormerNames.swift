/// Keys that had another name in earlier versions, by their path in a recipe or a stage.
enum FormerNames {
    private static let keys = [
        "budget.steps": "budget.iterations", "data.max_prompt_steps": "data.max_prompt_length",
        "data.max_steps": "data.max_length", "microbatch_steps": "microbatch_tokens",
        "checkpoint_every": "checkpoints.every", "keep_checkpoint": "checkpoints.after_end",
    ]

    /// What a key is called now; nil if it never was one.
    ///
    /// - Parameter path: from the top, as errors give it: `stages[1].budget.steps`.
    static func fix(_ path: String) -> String? {
        let inStage = path.hasPrefix("stages[") ? path.split(separator: ".").dropFirst().joined(separator: ".") : path
        return keys[inStage].map { "'\(inStage)' is called '\($0)' now" }
    }
}
