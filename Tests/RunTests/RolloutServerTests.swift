import Foundation
import Testing
import ZooBase
import ZooKit
import ZooModels
import ZooRecipe
import ZooServices
import ZooTensor

@Suite("samples by a server")
struct RolloutServerTests {
    let folder: TemporaryFolder
    /// What the server begins with.
    let model: URL

    init() throws {
        StandardStream.prepare()
        folder = try TemporaryFolder()
        model = folder.url.appending(path: "model", directoryHint: .isDirectory)
        try Self.network(seed: 1).save(to: model)
    }

    /// A small language model, large enough that tokens differ in probability.
    private static func network(seed: UInt64) throws -> CausalLM {
        try CausalLM.initialize(
            config: CausalLMConfig(
                vocabularySize: 29, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 4, maxPositions: 96,
                initializerRange: 0.35, eosTokens: [3]),
            head: .languageModel, generator: Generator(seed: seed))
    }

    private static let prompts: [[Int32]] = [[5, 6, 7], [8], [5, 6, 7]]
    private static let sampler = SamplerSettings(maxNewTokens: 9, temperature: 0.7, endTokens: [3])

    private func client(_ url: URL, retries: Int = 4, timeout: Double = 60) throws -> RolloutServer {
        var settings = ServerSettings(url)
        (settings.retries, settings.timeout) = (retries, timeout)
        return try RolloutServer(settings, folder: folder.url.appending(path: "weights"))
    }

    private func sample(_ client: RolloutServer, _ network: CausalLM, version: Int) throws -> (Generation, RolloutServer.Cost) {
        try client.sample(
            Self.prompts, samples: 4, Self.sampler, of: .init(network, named: "policy \(version)"), seed: 1 << 30,
            isCancelled: { false })
    }

    /// Nats by which the log-probabilities of samples differ from a network's own, at most.
    private func distance(_ drawn: Generation, _ network: CausalLM) throws -> Float {
        let own = try withoutGrad { try network.forward(drawn.sequences, [.logp])[0].floats }
        #expect(own.count == drawn.logp.count)
        return zip(own, drawn.logp).map { abs($0 - $1) }.max() ?? .infinity
    }

    private func complaint(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("have the trainer's log-probabilities, and weights travel only when they changed")
    func samples() async throws {
        let server = try await UnrulyServer(model, in: folder.url)
        defer { server.end() }
        let client = try client(server.url)
        let (first, second) = (try Self.network(seed: 1), try Self.network(seed: 2))
        let (drawn, cost) = try sample(client, first, version: 0)
        #expect(drawn.sequences.count == 12 && cost.handOvers == 1 && cost.handOverBytes > 10_000)
        #expect(try distance(drawn, first) < 1e-4)
        #expect(try distance(drawn, second) > 0.1)
        for index in 0..<12 {
            let steps = drawn.sequences.steps(index)
            let prompt = Self.prompts[index / 4]
            #expect(Array(drawn.sequences.tokens[steps].prefix(prompt.count)) == prompt)
            #expect(drawn.finished[index] == (drawn.sequences.tokens[steps].last == 3))
        }
        // Equal prompts are drawn apart.
        let tokens = (0..<12).map { Array(drawn.sequences.tokens[drawn.sequences.steps($0)]) }
        #expect(Array(tokens[0..<4]) != Array(tokens[8..<12]))
        let (again, none) = try sample(client, first, version: 0)
        #expect(again.sequences.tokens == drawn.sequences.tokens && again.logp == drawn.logp && none.handOvers == 0)
        let (other, one) = try sample(client, second, version: 1)
        #expect(one.handOvers == 1)
        #expect(try distance(other, second) < 1e-4)
        // An update that changed nothing is no stale server.
        #expect(try sample(client, second, version: 2).1.handOvers == 1)
        let requests = try await server.requests()
        #expect(requests["/collective_rpc"] == 3 && requests["/pause"] == 3 && requests["/resume"] == 3)
        #expect(requests["/v1/completions"] == 12)
        client.end()
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "weights").path))
    }

    @Test("come whole where the server fails, breaks off, aborts or dies for a moment")
    func momentaryFaults() async throws {
        let server = try await UnrulyServer(model, in: folder.url)
        defer { server.end() }
        let (first, second) = (try Self.network(seed: 1), try Self.network(seed: 2))
        let calm = try sample(client(server.url), second, version: 1).0
        let client = try client(server.url)
        _ = try sample(client, first, version: 0)
        try await server.misbehave([
            "/v1/completions": ["500", "half", "cut", "close", "abort"], "/pause": ["close"], "/reset_prefix_cache": ["500"],
        ])
        let (drawn, cost) = try sample(client, second, version: 1)
        #expect(drawn.sequences.tokens == calm.sequences.tokens && drawn.logp == calm.logp)
        #expect(cost.handOvers > 1)
        // It comes back with the weights that it began with.
        try await server.misbehave(["/v1/completions": ["restart"]])
        let (anew, costs) = try sample(client, second, version: 1)
        #expect(anew.sequences.tokens == calm.sequences.tokens && costs.handOvers == 1)
        #expect(try distance(anew, second) < 1e-4)
        // It was restarted while nobody looked.
        try await server.restart()
        #expect(try sample(client, second, version: 1).0.sequences.tokens == calm.sequences.tokens)
    }

    @Test("that are wrong are one error each")
    func wrongAnswers() async throws {
        let server = try await UnrulyServer(model, in: folder.url)
        defer { server.end() }
        let network = try Self.network(seed: 1)
        let client = try client(server.url, retries: 1)
        for (fault, words) in [
            ("other-prompt", "it read the prompt as 3 other token ids"), ("too-many", "tokens; expected 1 to 9"),
            ("few-logp", "log-probabilities of"), ("positive-logp", "a log-probability of 0.5; expected a number up to 0"),
            ("early", "that ended by 'stop', with an end token at no place; the end tokens are [3], the limit 9"),
            ("fewer", "3 samples of a prompt; expected 4"), ("no-ids", "a choice has no 'token_ids'"),
            ("404", "/v1/completions: the service answered with status 404"),
        ] {
            try await server.misbehave(["/v1/completions": [fault, fault, fault]])
            let found = complaint { _ = try sample(client, network, version: 0) }
            #expect(found.hasPrefix("rollout.server (vllm at \(server.url.absoluteString)): "), "\(fault)")
            #expect(found.contains(words), "\(fault)")
            #expect(found.utf8.count < 496)
        }
        try await server.misbehave(["/v1/completions": ["500", "500", "500", "500", "500", "500"]])
        let found = complaint { _ = try sample(client, network, version: 0) }
        #expect(found.contains("status 500: {\"error\": \"out of luck\"}; expected 200, after 2 tries"))
        #expect(try distance(sample(client, network, version: 0).0, network) < 1e-4)
    }

    @Test("of a server that did not take its weights are refused")
    func staleWeights() async throws {
        let server = try await UnrulyServer(model, in: folder.url)
        defer { server.end() }
        let client = try client(server.url)
        _ = try sample(client, Self.network(seed: 1), version: 0)
        try await server.misbehave(["/collective_rpc": ["stale"]])
        let stale = complaint { _ = try sample(client, Self.network(seed: 2), version: 1) }
        #expect(stale.contains("its checksum is still that of 'policy 0': it would sample from stale weights; restart it"))
        try await server.misbehave(["/collective_rpc": ["500"]])
        let failed = complaint { _ = try sample(client, Self.network(seed: 2), version: 1) }
        #expect(failed.contains("it could not take the weights in \(folder.url.path)/weights/weights-3 (status 500"))
        #expect(failed.contains("restart it, since it may hold half of them") && !failed.contains("tries"))
    }

    @Test("are refused before the first of a server in the wrong mode, that is too old, hangs or is not there")
    func mode() async throws {
        let server = try await UnrulyServer(model, in: folder.url)
        defer { server.end() }
        try await server.misbehave(["/server_info": ["raw-mode", "404", "500", "raw-mode"]])
        let client = try client(server.url, retries: 1)
        #expect(
            complaint { try client.check(isAdapter: false) }.contains(
                "its log-probabilities are 'raw_logprobs', which leave out the temperature; start it with --logprobs-mode"))
        #expect(complaint { try client.check(isAdapter: false) }.contains("VLLM_SERVER_DEV_MODE=1"))
        #expect(complaint { try client.check(isAdapter: false) }.contains("raw_logprobs"))
        try client.check(isAdapter: false)
        try await server.misbehave(["/server_info": ["hang"]])
        let impatient = try self.client(server.url, retries: 0, timeout: 1)
        #expect(complaint { try impatient.check(isAdapter: false) }.contains("/server_info: not answered within 1 s"))
        let nobody = try self.client(#require(URL(string: "http://127.0.0.1:1")), retries: 1)
        #expect(
            complaint { try nobody.check(isAdapter: false) }.contains("cannot be reached (nothing listens there), after 2 tries"))
    }
}
