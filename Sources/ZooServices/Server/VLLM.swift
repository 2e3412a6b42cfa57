import Foundation
import ZooBase

/// vLLM's API, of version 0.32 on, with its endpoints for development.
final class VLLM: ServerEngine {
    private let connection: ServerConnection
    /// The name of the model that it serves.
    private var model = ""
    /// The adapter that is sampled, by its label.
    private var adapter: String?

    init(_ connection: ServerConnection) { self.connection = connection }

    func check(isAdapter: Bool) throws(ServerFault) {
        let mode = try mode()
        guard mode == "processed_logprobs" else {
            throw ServerFault(
                reason: "its log-probabilities are '\(mode)', which leave out the temperature; start it with --logprobs-mode "
                    + "processed_logprobs")
        }
        let models = try connection.get("/v1/models")["data"]?.array ?? []
        guard let name = models.first(where: { $0["parent"]?.string == nil })?["id"]?.string else {
            throw ServerFault(reason: "/v1/models: it serves no model")
        }
        model = name
        if adapter != nil, try !isServed(adapter) { adapter = nil }
    }

    private func mode() throws(ServerFault) -> String {
        let info: JSONObject
        do { info = try connection.get("/server_info?config_format=json") } catch {
            guard error.status == 404 else { throw error }
            throw ServerFault(
                reason:
                    "/server_info: status 404; start vLLM 0.32 or later with VLLM_SERVER_DEV_MODE=1, without which it takes no "
                    + "weights")
        }
        guard let mode = info["vllm_config"]?["model_config"]?["logprobs_mode"]?.string else {
            throw ServerFault(
                reason: "/server_info: it does not say its logprobs_mode; expected vllm_config.model_config.logprobs_mode, as "
                    + "vLLM 0.32 says it")
        }
        return mode
    }

    func weights() throws(ServerFault) -> String? {
        // An adapter is asked for by its label: an unknown one is refused.
        if let adapter { return try isServed(adapter) ? adapter : "" }
        return try connection.get("/weight_info")["weight_version"]?.string ?? ""
    }

    private func isServed(_ adapter: String?) throws(ServerFault) -> Bool {
        (try connection.get("/v1/models")["data"]?.array ?? []).contains { $0["id"]?.string == adapter }
    }

    func load(_ folder: URL, label: String, isAdapter: Bool) throws(ServerFault) -> String? {
        if isAdapter { return try load(adapter: folder, label) }
        try connection.tell("/pause?mode=wait")
        try reload(folder)
        guard try connection.post("/reset_prefix_cache")["success"]?.bool == true else {
            throw ServerFault(reason: "/reset_prefix_cache: the cache of old weights was not emptied", isPassing: true)
        }
        try connection.tell("/update_weight_version", ["new_version": .string(label)])
        let sums = try connection.post("/weight_checker", ["action": "checksum"])["checksums"]
        try connection.tell("/resume")
        guard let sums, let text = try? JSON.text(sums) else {
            throw ServerFault(reason: "/weight_checker: it gives no 'checksums' of its weights")
        }
        return text
    }

    /// After a failed reload the server may hold half of the weights and calls itself healthy, so it is not asked again.
    private func reload(_ folder: URL) throws(ServerFault) {
        do {
            try connection.tell(
                "/collective_rpc", ["method": "reload_weights", "kwargs": ["weights_path": .string(folder.path)]])
        } catch {
            guard let status = error.status else { throw error }
            throw ServerFault(
                reason:
                    "it could not take the weights in \(folder.path) (status \(status), see its log); restart it, since it may "
                    + "hold half of them, and check that it sees this folder")
        }
    }

    private func load(adapter folder: URL, _ label: String) throws(ServerFault) -> String? {
        let old = adapter
        if old == nil, let whole = try connection.get("/weight_info")["weight_version"]?.string,
            whole.hasPrefix(RolloutServer.labelPrefix)
        {
            throw ServerFault(
                reason: "it holds whole weights that another run gave it ('\(whole)'), and an adapter needs the model that it "
                    + "was started with; restart it")
        }
        do {
            try connection.tell(
                "/v1/load_lora_adapter", ["lora_name": .string(label), "lora_path": .string(folder.path)])
        } catch {
            guard let status = error.status else { throw error }
            throw ServerFault(
                reason: "it could not take the adapter in \(folder.path) (status \(status), see its log); start it with "
                    + "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, --enable-lora and a --max-lora-rank that is large enough")
        }
        adapter = label
        if let old {
            // One that was restarted answers with a status: it does not have the old one.
            do { try connection.tell("/v1/unload_lora_adapter", ["lora_name": .string(old)]) } catch {
                if error.status == nil { throw error }
            }
        }
        return nil
    }

    func samples(_ requests: [ServerRequest]) -> [Result<[ServerSample], ServerFault>] {
        let name = JSONValue.string(adapter ?? model)
        let bodies = requests.map { request -> JSONObject in
            let settings = request.settings
            return [
                "model": name, "prompt": .array([.array(request.prompt.map { .integer(Int($0)) })]),
                "n": .integer(request.samples), "seed": .integer(request.seed), "max_tokens": .integer(settings.maxNewTokens),
                "temperature": .number(settings.temperature),
                "stop_token_ids": .array(settings.endTokens.map { .integer(Int($0)) }), "ignore_eos": true,
                // What the model's folder asks of a sampler would be applied where nothing is said.
                "top_p": 1, "top_k": 0, "min_p": 0, "repetition_penalty": 1, "presence_penalty": 0, "frequency_penalty": 0,
                "logprobs": 0, "return_token_ids": true, "add_special_tokens": false,
            ]
        }
        return connection.posts("/v1/completions", bodies).map { answer in
            Result { () throws(ServerFault) in try Self.samples(answer.get()) }
        }
    }

    private static func samples(_ answer: JSONObject) throws(ServerFault) -> [ServerSample] {
        guard let choices = answer["choices"]?.array else {
            throw ServerFault(reason: "/v1/completions: the answer has no 'choices'")
        }
        var samples: [ServerSample] = []
        for choice in choices.sorted(by: { ($0["index"]?.integer ?? 0) < ($1["index"]?.integer ?? 0) }) {
            guard let tokens = choice["token_ids"]?.integers else {
                throw ServerFault(reason: "/v1/completions: a choice has no 'token_ids'; expected vLLM 0.32 or later")
            }
            guard let logp = choice["logprobs"]?["token_logprobs"]?.numbers else {
                throw ServerFault(reason: "/v1/completions: a choice has no 'logprobs.token_logprobs', a list of numbers")
            }
            samples.append(
                ServerSample(
                    tokens: tokens, logp: logp, reason: choice["finish_reason"]?.string,
                    prompt: choice["prompt_token_ids"]?.integers))
        }
        return samples
    }
}
