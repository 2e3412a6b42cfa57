import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooTensor

/// Samples episodes: the policy and an environment write in turns.
///
/// The policy's tokens stay as they were drawn; what the environment answers is encoded after them, and is no action.
struct EpisodeSampler {
    let codec: any TextCodec
    /// Any of them ends a turn.
    let ends: [Int32]
    let environment: EnvironmentProgram
    let settings: RolloutSettings

    /// The rewards that the environment gave, at the last action of the turn that earned them, [steps].
    static let rewards = "environment_reward"
    /// Turns of the policy, [n].
    static let turns = "turns"

    private struct Episode {
        var tokens: [Int32]
        var mask: [Bool]
        /// Of the actions.
        var logp: [Float] = []
        /// Per step.
        var rewards: [Double]
        var turns = 0
        var isFinished = false
        var isOver = false

        init(_ context: [Int32]) {
            tokens = context
            mask = context.map { _ in false }
            rewards = context.map { _ in 0 }
        }

        mutating func append(_ new: some Collection<Int32>, areActions: Bool) {
            tokens += new
            mask += new.map { _ in areActions }
            rewards += new.map { _ in 0 }
        }
    }

    func sample(
        _ request: SamplingRequest, with network: any GenerativeNetwork, generator: Generator, isCancelled: () -> Bool
    ) throws -> Drawn {
        let (prompts, waited) = (request.prompts, environment.seconds)
        var episodes = (0..<prompts.sequenceCount * request.samples).map { index in
            Episode(Array(prompts.tokens[prompts.steps(of: index / request.samples)]))
        }
        let place = request.shared ?? SharedDraws(rows: Array(episodes.indices), of: episodes.count, steps: settings.maxNewTokens)
        try begin(&episodes, request, generator, first: place.rows.first ?? 0)
        var (flops, steps, turns) = (0.0, 0, 0)
        var prefill = (seconds: 0.0, flops: 0.0)
        for turn in 0..<environment.settings.maxTurns {
            let going = episodes.indices.filter { !episodes[$0].isOver }
            if going.isEmpty { break }
            let drawn = try network.generate(
                prompts: going.map { episodes[$0].tokens }, samplesPerPrompt: 1,
                settings: sampler(for: going, of: episodes, place),
                generator: generator, isCancelled: isCancelled)
            flops += network.generationFLOPs(drawn.sequences)
            prefill.seconds += drawn.prefillSeconds
            prefill.flops += network.prefillFLOPs(drawn.sequences)
            steps += drawn.sequences.tokens.count
            turns += 1
            let taken = take(drawn, going, &episodes)
            let isLast = turn == environment.settings.maxTurns - 1
            for (turn, reply) in zip(taken, try environment.step(taken)) {
                end(turn, with: reply, isLast: isLast, &episodes[turn.episode])
                if !episodes[turn.episode].isOver { try append(reply.observation, to: &episodes[turn.episode]) }
            }
        }
        var found = drawn(episodes, flops: flops, steps: steps, seconds: environment.seconds - waited)
        found.draws = 1 + turns
        found.prefill = prefill
        return found
    }

    /// - Parameter first: the place of the first one among all episodes that are drawn together.
    private func begin(_ episodes: inout [Episode], _ request: SamplingRequest, _ generator: Generator, first place: Int) throws {
        let rows = request.prompts.column("row")?.integers
        // Different for every rollout, the same in every run of the same seed.
        let first = Int(Tensor.uniform([1], generator: generator).floats[0] * Float(1 << 24)) << 24
        let observations = try environment.begin(
            episodes.indices.map { index in
                EnvironmentProgram.Beginning(
                    prompt: codec.decode(episodes[index].tokens, after: []),
                    row: rows.flatMap { request.row($0[index / request.samples]) }, seed: first + place + index)
            })
        for (index, observation) in observations.enumerated() { try append(observation, to: &episodes[index]) }
    }

    private func append(_ observation: String?, to episode: inout Episode) throws {
        guard let observation else { return }
        let tokens = try codec.encode(observation, after: episode.tokens)
        episode.append(tokens.prefix(environment.settings.maxObservationTokens), areActions: false)
    }

    /// The sampler of a turn: as many tokens as any of the episodes may still get.
    private func sampler(for going: [Int], of episodes: [Episode], _ place: SharedDraws) -> SamplerSettings {
        let left = going.map { settings.maxNewTokens - episodes[$0].logp.count }.max() ?? 1
        var sampler = SamplerSettings(maxNewTokens: left, temperature: settings.temperature, endTokens: ends)
        sampler.shared = SharedDraws(rows: going.map { place.rows[$0] }, of: place.count, steps: settings.maxNewTokens)
        let stops = environment.settings.stop
        guard let longest = stops.map(\.utf8.count).max() else { return sampler }
        // A token has at least a byte; the ones before may hold the start of a character.
        let codec = codec
        sampler.ends = { tokens in
            let text = codec.spelled(tokens.suffix(longest + 4), after: [])
            return stops.contains { text.contains($0) }
        }
        return sampler
    }

    /// Adds the turns to their episodes, none of which gets more tokens than a completion may have.
    private func take(_ drawn: Generation, _ going: [Int], _ episodes: inout [Episode]) -> [EnvironmentProgram.Turn] {
        var place = 0
        return going.enumerated().map { index, episode in
            let steps = drawn.sequences.steps(index)
            let actions = steps.filter { drawn.sequences.mask[$0] }
            let before = episodes[episode].tokens
            let kept = actions.prefix(settings.maxNewTokens - episodes[episode].logp.count)
            let new = kept.map { drawn.sequences.tokens[$0] }
            episodes[episode].logp += drawn.logp[place..<place + kept.count]
            place += actions.count
            episodes[episode].append(new, areActions: true)
            episodes[episode].turns += 1
            return EnvironmentProgram.Turn(
                episode: episode, text: codec.decode(new, after: before),
                isFinished: drawn.finished[index] && kept.count == actions.count)
        }
    }

    private func end(
        _ turn: EnvironmentProgram.Turn, with reply: EnvironmentProgram.Reply, isLast: Bool, _ episode: inout Episode
    ) {
        episode.rewards[episode.rewards.count - 1] = reply.reward
        episode.isFinished = reply.isDone && turn.isFinished
        episode.isOver = reply.isDone || isLast || !turn.isFinished || episode.logp.count >= settings.maxNewTokens
    }

    private func drawn(_ episodes: [Episode], flops: Double, steps: Int, seconds: Double) -> Drawn {
        var batch = BatchBuilder()
        for episode in episodes { batch.append(TokenizedSequence(tokens: episode.tokens, mask: episode.mask)) }
        let temperature = settings.temperature == 0 ? 1 : settings.temperature
        return Drawn(
            batch: batch.finish([]), logp: episodes.flatMap(\.logp), finished: episodes.map(\.isFinished),
            columns: [
                Column("temperature", perStep: false, .f64(episodes.map { _ in temperature })),
                Column(Self.turns, perStep: false, .i64(episodes.map { Int64($0.turns) })),
                Column(Self.rewards, perStep: true, .f64(episodes.flatMap(\.rewards))),
            ], flops: flops, steps: steps, environmentSeconds: seconds)
    }
}
