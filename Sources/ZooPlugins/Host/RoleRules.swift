import ZooKit

/// What every host refuses of a call about networks, in the same words: a run's, and the scripted one of the bench.
package enum RoleRules {
    package static func requireSequences(_ batch: Batch) throws {
        guard batch.sequenceCount > 0 else { throw ZooError(.invalidArgument, "the batch has no sequences") }
    }

    package static func requireTokens(_ batch: Batch) throws {
        guard batch.tokens.count == batch.stepCount else { throw ZooError(.invalidArgument, "the batch has no tokens") }
    }

    /// - Parameter known: the roles that there are.
    package static func unknown(_ role: String, known: some Sequence<String>) -> ZooError {
        ZooError(.notFound, "this stage has no role '\(role)'; it has: \(known.sorted().joined(separator: ", "))")
    }

    package static func noOutput(_ output: String, of role: String) -> ZooError {
        ZooError(.notFound, "role '\(role)' has no output '\(output)'")
    }

    package static func notSampled(_ role: String) -> ZooError {
        ZooError(.invalidArgument, "role '\(role)' cannot be sampled from: it is not a policy")
    }

    package static func frozen(_ role: String) -> ZooError {
        ZooError(.failedPrecondition, "role '\(role)' is frozen; a gradient was accumulated for it")
    }

    package static func noGradient(_ role: String) -> ZooError {
        ZooError(.failedPrecondition, "role '\(role)' has no gradient: accumulate before optimizer_step")
    }

    package static func trained(_ destination: String) -> ZooError {
        ZooError(.failedPrecondition, "role '\(destination)' is trained; blend writes only to frozen roles")
    }

    package static func different(_ destination: String, _ source: String) -> ZooError {
        ZooError(.invalidArgument, "roles '\(destination)' and '\(source)' are different networks")
    }
}
