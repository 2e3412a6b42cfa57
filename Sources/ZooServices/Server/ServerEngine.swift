import Foundation
import ZooBase
import ZooModels
import ZooRecipe

/// Samples of one prompt that are asked for.
struct ServerRequest {
    var prompt: [Int32]
    var samples: Int
    /// Sample j is drawn with `seed` + j.
    var seed: Int
    var settings: SamplerSettings
}

/// One sample as a server says it, before anything is believed.
struct ServerSample {
    var tokens: [Int]
    /// Of each token, in nats.
    var logp: [Double]
    /// Why it ended: `stop` at an end token, `length` at the limit.
    var reason: String?
    /// What the server took the prompt for; nil: it does not say.
    var prompt: [Int]?
    /// What the weights were called that it was drawn from; nil: it does not say.
    var weights: String?
}

/// How a kind of server is spoken to.
protocol ServerEngine: AnyObject {
    /// Asks whether it samples as a trainer needs it.
    func check(isAdapter: Bool) throws(ServerFault)
    /// What its weights are called; nil: it says so with each sample alone.
    func weights() throws(ServerFault) -> String?
    /// Makes it take the weights in a folder, or an adapter's over its base, and calls them `label`.
    ///
    /// - Returns: what tells these weights from others; nil: the server does not say.
    func load(_ folder: URL, label: String, isAdapter: Bool) throws(ServerFault) -> String?
    /// The samples of each request, at the same time.
    func samples(_ requests: [ServerRequest]) -> [Result<[ServerSample], ServerFault>]
}

extension ServerSettings.Engine {
    func make(_ connection: ServerConnection) -> any ServerEngine {
        switch self {
        case .vllm: VLLM(connection)
        case .sglang: SGLang(connection)
        }
    }
}

extension JSONValue {
    /// A list of whole numbers; nil if it is anything else.
    var integers: [Int]? {
        guard let items = array else { return nil }
        let numbers = items.compactMap(\.integer)
        return numbers.count == items.count ? numbers : nil
    }

    /// A list of numbers; nil if it is anything else.
    var numbers: [Double]? {
        guard let items = array else { return nil }
        let numbers = items.compactMap(\.number)
        return numbers.count == items.count ? numbers : nil
    }
}
