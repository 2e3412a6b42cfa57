import Foundation
import Synchronization
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooServices
import ZooTensor

/// A model that answers as vLLM's server does, as far as training asks: completions in token ids, and new weights.
///
/// It samples with this host's engine, one request after the other, on a thread of its own.
public final class ServedModel: Sendable {
    /// An answer in HTTP's words.
    public struct Answer: Sendable {
        public var status: Int
        public var body: Data
    }

    private let jobs: Jobs

    /// Reads the model.
    ///
    /// - Throws: if the folder is not a complete model, or one that cannot generate.
    public init(_ folder: URL, device: String = "cpu", threads: Int) async throws {
        jobs = try await Jobs { try State(folder, Device(device), threads: threads) }
    }

    /// - Parameters:
    ///   - path: with its query.
    ///   - body: of a POST; nil for a GET.
    public func answer(_ path: String, _ body: Data?) async -> Answer {
        await jobs.run { state in
            do { return Answer(status: 200, body: try JSON.encode(try state.answer(path, body), pretty: false)) } catch {
                let refusal = error as? Refusal ?? Refusal(status: 500, reason: plainWords(error))
                let text: JSONValue = ["error": ["message": .string(refusal.reason), "code": .integer(refusal.status)]]
                return Answer(status: refusal.status, body: (try? JSON.encode(text, pretty: false)) ?? Data())
            }
        }
    }
}

/// Why a request is not served.
private struct Refusal: Error {
    var status = 400
    var reason: String
}

/// The model and what was asked of it so far. It belongs to one thread.
private final class State {
    private let device: Device
    private var network: any GenerativeNetwork
    /// The folder that it was read from first, which is its name.
    private let name: String
    private var version = "default"
    private var adapters: [String: any GenerativeNetwork] = [:]

    init(_ folder: URL, _ device: Device, threads: Int) throws {
        Engine.configure(threads: threads)
        (self.device, name) = (device, folder.path)
        network = try Self.read(folder, device)
    }

    private static func read(_ folder: URL, _ device: Device) throws -> any GenerativeNetwork {
        let network = try loadNetwork(from: folder, head: .languageModel, device: device, trainable: false, generator: nil)
        guard let network = network as? CausalLM else {
            throw ZooError(.invalidArgument, "\(folder.path): a model of family '\(network.family)' is no language model")
        }
        return network
    }

    func answer(_ path: String, _ body: Data?) throws -> JSONValue {
        let place = path.split(separator: "?").first.map(String.init) ?? path
        let request = try body.map(Self.object) ?? [:]
        switch (body == nil ? "GET" : "POST", place) {
        case ("GET", "/server_info"): return ["vllm_config": ["model_config": ["logprobs_mode": "processed_logprobs"]]]
        case ("GET", "/v1/models"):
            let own: JSONValue = ["id": .string(name), "parent": .null]
            return ["data": .array([own] + adapters.keys.sorted().map { ["id": .string($0), "parent": .string(name)] })]
        case ("GET", "/weight_info"): return ["weight_version": .string(version)]
        // One request is served at a time: no sample ever sees two models, and no cache outlives a request.
        case ("POST", "/pause"), ("POST", "/resume"): return ["status": "done"]
        case ("POST", "/reset_prefix_cache"): return ["success": true]
        case ("POST", "/collective_rpc"):
            guard request["method"]?.string == "reload_weights" else { throw Refusal(reason: "only reload_weights is served") }
            network = try Self.read(try folder(request["kwargs"]?["weights_path"]), device)
            return ["results": []]
        case ("POST", "/update_weight_version"):
            version = try text(request, "new_version")
            return ["success": true]
        case ("POST", "/weight_checker"):
            guard request["action"]?.string == "checksum" else { throw Refusal(reason: "only 'checksum' is served") }
            return ["checksums": .object(JSONObject(network.parameters.map { ($0.name, .string(Self.hash($0.tensor))) }))]
        case ("POST", "/v1/load_lora_adapter"):
            adapters[try text(request, "lora_name")] = try Self.read(try folder(request["lora_path"]), device)
            return ["success": true]
        case ("POST", "/v1/unload_lora_adapter"):
            guard adapters.removeValue(forKey: try text(request, "lora_name")) != nil else {
                throw Refusal(status: 404, reason: "there is no such adapter")
            }
            return ["success": true]
        case ("POST", "/v1/completions"): return try completions(request)
        default: throw Refusal(status: 404, reason: "\(place) is not served")
        }
    }

    private func completions(_ request: JSONObject) throws -> JSONValue {
        let asked = try text(request, "model")
        guard let network = asked == name ? network : adapters[asked] else {
            throw Refusal(status: 404, reason: "there is no model '\(asked)'")
        }
        for (key, neutral) in [("top_p", 1.0), ("top_k", 0), ("min_p", 0), ("repetition_penalty", 1)] {
            guard let value = request[key]?.number, value != neutral, !(key == "top_k" && value == -1) else { continue }
            throw Refusal(reason: "\(key) is \(value); only \(neutral) is served")
        }
        let prompts = (request["prompt"]?.array ?? []).map { $0.array ?? [] }
        let tokens = prompts.map { $0.compactMap { $0.integer.flatMap(Int32.init(exactly:)) } }
        guard !prompts.isEmpty, zip(prompts, tokens).allSatisfy({ $0.count == $1.count }) else {
            throw Refusal(reason: "'prompt' has to be a list of lists of token ids")
        }
        let ends = (request["stop_token_ids"]?.array ?? []).compactMap { $0.integer.flatMap(Int32.init(exactly:)) }
        let count = request["n"]?.integer ?? 1
        let settings = SamplerSettings(
            maxNewTokens: request["max_tokens"]?.integer ?? 16, temperature: request["temperature"]?.number ?? 1, endTokens: ends)
        let seed = request["seed"]?.integer.map { UInt64(bitPattern: Int64($0)) } ?? .random(in: 0...UInt64.max)
        let drawn = try network.generate(
            prompts: tokens, samplesPerPrompt: count, settings: settings, generator: Generator(seed: seed),
            isCancelled: { false })
        var place = 0
        let choices = (0..<drawn.sequences.count).map { index -> JSONValue in
            let own = drawn.sequences.steps(index).filter { drawn.sequences.mask[$0] }
            defer { place += own.count }
            return [
                "index": .integer(index), "text": "", "finish_reason": drawn.finished[index] ? "stop" : "length",
                "token_ids": .array(own.map { .integer(Int(drawn.sequences.tokens[$0])) }),
                "prompt_token_ids": .array(prompts[index / count]),
                "logprobs": ["token_logprobs": .array(drawn.logp[place..<place + own.count].map { .number(Double($0)) })],
            ]
        }
        return ["object": "text_completion", "model": .string(asked), "choices": .array(choices)]
    }

    private static func object(_ body: Data) throws -> JSONObject {
        let text = String(decoding: body, as: UTF8.self)
        guard !text.isEmpty else { return [:] }
        guard let object = try JSONValue(parsing: text, place: "the request").object else {
            throw Refusal(reason: "the request is no object of JSON")
        }
        return object
    }

    private func text(_ request: JSONObject, _ key: String) throws -> String {
        guard let text = request[key]?.string else { throw Refusal(reason: "'\(key)' has to be a text") }
        return text
    }

    private func folder(_ value: JSONValue?) throws -> URL {
        guard let path = value?.string, path.hasPrefix("/") else { throw Refusal(reason: "expected a folder's whole path") }
        return URL(filePath: path, directoryHint: .isDirectory)
    }

    private static func hash(_ tensor: Tensor) -> String { sha256(Data(tensor.bytes)) }
}

/// Runs what is asked of a state on one thread, in order, for as long as the process lives.
private final class Jobs: Sendable {
    private let waiting = Mutex<[@Sendable (State) -> Void]>([])
    private let bell = DispatchSemaphore(value: 0)

    /// - Parameter make: makes the state on that thread.
    init(_ make: @escaping @Sendable () throws -> State) async throws {
        try await withCheckedThrowingContinuation { (ready: CheckedContinuation<Void, any Error>) in
            let thread = Thread { [self] in
                let state: State
                do { state = try make() } catch { return ready.resume(throwing: error) }
                ready.resume()
                while true {
                    bell.wait()
                    waiting.withLock { $0.removeFirst() }(state)
                }
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    func run<Result: Sendable>(_ body: @escaping @Sendable (State) -> Result) async -> Result {
        await withCheckedContinuation { done in
            waiting.withLock { $0.append { done.resume(returning: body($0)) } }
            bell.signal()
        }
    }
}
