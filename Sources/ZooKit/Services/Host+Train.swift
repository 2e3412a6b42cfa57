extension Host {
    /// Trains on a rollout: `epochs` passes over it, in each of which its sequences are dealt at random into `minibatches` parts, and
    /// `update` once for each part that has an action.
    ///
    /// ```swift
    /// try host.train(on: rollout, epochs: parameters.epochs, minibatches: parameters.minibatches) { minibatch in
    ///     let update = try host.model.update(.policy, minibatch, [.logp], .separable) { slice, outputs in … }
    ///     try host.log("policy_loss", update.loss, over: minibatch.actionCount)
    /// }
    /// ```
    /// Each call makes one generator, whatever is drawn from it; a pass of a single part is the rollout as it is, and draws nothing.
    /// Throws `.cancelled` before an update where the run is to stop.
    public func train(on rollout: Batch, epochs: Int, minibatches: Int, update: (_ minibatch: Batch) throws -> Void) throws {
        var generator = try makeGenerator()
        for _ in 0..<epochs {
            for minibatch in rollout.minibatches(minibatches, using: &generator) where minibatch.actionCount > 0 {
                try checkCancellation()
                try update(minibatch)
            }
        }
    }
}
