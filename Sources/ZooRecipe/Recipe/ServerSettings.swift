import Foundation
import ZooBase

/// An inference server that samples the policy in place of the host's own engine.
public struct ServerSettings: Sendable, Equatable {
    /// What the server speaks.
    public enum Engine: String, Sendable, CaseIterable { case vllm, sglang }

    public var url: URL
    public var engine = Engine.vllm
    /// Whether the server may be on another machine.
    public var isRemote = false
    /// Lines `NAME: VALUE` that are sent along.
    public var headersFile: URL?
    /// Seconds that an answer may take.
    public var timeout = 600.0
    /// How often what failed for a moment is tried again.
    public var retries = 5
    /// The largest mean difference of the server's log-probabilities from the trainer's, in nats.
    public var logpBound = 0.1
    /// Where weights are handed over, seen by both; nil: in the run's folder.
    public var folder: URL?

    package init(_ url: URL) { self.url = url }
}

extension ServerSettings {
    /// How it is reached.
    package var program: ExternalProgram {
        var program = ExternalProgram(url: url)
        (program.isRemote, program.headersFile) = (isRemote, headersFile)
        (program.timeout, program.retries) = (timeout, retries)
        return program
    }

    static let schema = Schema(
        "an inference server, such as {url: \"http://127.0.0.1:8000\", engine: vllm}",
        blank: ServerSettings(URL(filePath: "/"))
    ) {
        Key("url", \.url, .http, isRequired: true, "Where the server answers, without a path of its API.")
        Key("engine", \.engine, .choice, "What it speaks: vLLM's API or SGLang's.")
        Key(
            "remote", \.isRemote, .flag,
            "Whether it may be on another machine, which sees the folder of weights under the same path.")
        Key(
            "headers_file", optional: \.headersFile, .path("a file of headers"),
            "A file of lines `NAME: VALUE` that are sent along, such as a token; its content is never logged.")
        Key("timeout", \.timeout, .positive(to: 1e6), "Seconds that an answer may take.")
        Key(
            "retries", \.retries, .whole(from: 0, to: 1000),
            "How often is tried again what failed for a moment: a server that is gone, failed, was late or broke off.")
        Key(
            "logp_bound", \.logpBound, .positive(to: 1e6),
            "Nats by which its log-probabilities may differ from the trainer's in the mean over a rollout's tokens; beyond it the run ends."
        )
        Key(
            "folder", optional: \.folder, .path("a folder that both see", needsFolder: true), standard: "in the run's folder",
            "Where weights are handed over: a folder that the server sees too.")
    } check: { server, section in
        try server.program.check(section)
    }
}
