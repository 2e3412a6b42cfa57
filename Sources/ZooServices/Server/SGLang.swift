import Foundation
import ZooBase

/// SGLang's own API, as its documentation describes it; never run against a server.
final class SGLang: ServerEngine {
    private let connection: ServerConnection
    /// The adapter that is sampled, by its label.
    private var adapter: String?

    init(_ connection: ServerConnection) { self.connection = connection }

    /// It does not say how its log-probabilities are scaled: a rollout's difference from the trainer's shows that.
    func check(isAdapter: Bool) throws(ServerFault) { try connection.reach("/health") }

    func weights() throws(ServerFault) -> String? { nil }

    func load(_ folder: URL, label: String, isAdapter: Bool) throws(ServerFault) -> String? {
        if isAdapter { return try load(adapter: folder, label) }
        try connection.tell("/pause_generation", ["mode": "retract"])
        let answer: JSONObject
        do {
            answer = try connection.post(
                "/update_weights_from_disk",
                ["model_path": .string(folder.path), "weight_version": .string(label), "flush_cache": true])
        } catch {
            guard let status = error.status else { throw error }
            throw Self.refused(folder, "status \(status)")
        }
        guard answer["success"]?.bool == true else {
            throw Self.refused(folder, answer["message"]?.string ?? "no success")
        }
        try connection.tell("/continue_generation")
        return nil
    }

    private static func refused(_ folder: URL, _ reason: String) -> ServerFault {
        ServerFault(
            reason:
                "it could not take the weights in \(folder.path) (\(reason.prefix(80))); restart it, since it may hold half of "
                + "them, and check that it sees this folder")
    }

    private func load(adapter folder: URL, _ label: String) throws(ServerFault) -> String? {
        let old = adapter
        do {
            try connection.tell("/load_lora_adapter", ["lora_name": .string(label), "lora_path": .string(folder.path)])
        } catch {
            guard let status = error.status else { throw error }
            throw ServerFault(
                reason: "it could not take the adapter in \(folder.path) (status \(status)); start it with --enable-lora, a "
                    + "--max-lora-rank that is large enough and the --lora-target-modules")
        }
        adapter = label
        if let old {
            // One that was restarted answers with a status: it does not have the old one.
            do { try connection.tell("/unload_lora_adapter", ["lora_name": .string(old)]) } catch {
                if error.status == nil { throw error }
            }
        }
        return nil
    }

    func samples(_ requests: [ServerRequest]) -> [Result<[ServerSample], ServerFault>] {
        let bodies = requests.map { request -> JSONObject in
            let (settings, prompt) = (request.settings, JSONValue.array(request.prompt.map { .integer(Int($0)) }))
            var parameters: JSONObject = [
                "max_new_tokens": .integer(settings.maxNewTokens), "temperature": .number(settings.temperature),
                "stop_token_ids": .array(settings.endTokens.map { .integer(Int($0)) }), "ignore_eos": true,
                "top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1, "presence_penalty": 0, "frequency_penalty": 0,
            ]
            // A seed of its own for each: with `n`, all of them would have the same.
            let own = (0..<request.samples).map { sample -> JSONValue in
                parameters["sampling_seed"] = .integer(request.seed + sample)
                return .object(parameters)
            }
            var body: JSONObject = [
                "input_ids": .array(own.map { _ in prompt }), "sampling_params": .array(own), "return_logprob": true,
            ]
            if let adapter { body["lora_path"] = .array(own.map { _ in .string(adapter) }) }
            return body
        }
        return connection.posts("/generate", bodies).map { answer in
            Result { () throws(ServerFault) in try samples(answer.get()) }
        }
    }

    /// - Parameter answer: the samples under `list`.
    private func samples(_ answer: JSONObject) throws(ServerFault) -> [ServerSample] {
        var samples: [ServerSample] = []
        for one in answer["list"]?.array ?? [] {
            // [log-probability, token, text] of each token.
            let steps = (one["meta_info"]?["output_token_logprobs"]?.array ?? []).map { $0.array ?? [] }
            let (logp, tokens) = (steps.compactMap { $0.first?.number }, steps.compactMap { $0.dropFirst().first?.integer })
            guard !steps.isEmpty, logp.count == steps.count, tokens.count == steps.count else {
                throw ServerFault(reason: "/generate: a sample has no 'meta_info.output_token_logprobs'")
            }
            samples.append(
                ServerSample(
                    tokens: tokens, logp: logp, reason: one["meta_info"]?["finish_reason"]?["type"]?.string,
                    weights: adapter == nil ? one["meta_info"]?["weight_version"]?.string : nil))
        }
        return samples
    }
}
