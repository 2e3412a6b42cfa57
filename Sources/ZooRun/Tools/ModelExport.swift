import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooServices
import ZooTensor

/// Writes a language model as other programs load it.
public enum ModelExport {
    public enum Target: String, Sendable, CaseIterable {
        /// A folder in Hugging Face's layout.
        case hf
        /// A file in llama.cpp's format.
        case gguf

        /// How numbers may be stored, the default first.
        public var types: [ExportType] {
            switch self {
            case .hf: [.float32, .bfloat16, .float16]
            case .gguf: [.float16, .q8, .bfloat16, .float32]
            }
        }
    }

    /// What is written beside the model.
    public struct Papers {
        /// The text of README.md.
        public var card: String
        /// The files of the base's licence.
        public var licences: [URL]
        /// What a file in llama.cpp's format says of itself, such as its licence.
        public var about: [(key: String, text: String)]

        public init(card: String, licences: [URL] = [], about: [(key: String, text: String)] = []) {
            (self.card, self.licences, self.about) = (card, licences, about)
        }
    }

    /// Writes the model, its adapter merged, with its tokenizer and papers to a new folder: all of it or nothing.
    ///
    /// - Returns: the file or folder to load.
    /// - Throws: if `output` exists, the target has no such model, or its type cannot hold a number.
    @discardableResult
    public static func write(
        _ source: ExportSource, to target: Target, as type: ExportType, _ papers: Papers, into output: URL
    ) throws -> URL {
        guard !FileManager.default.fileExists(atPath: output.path) else {
            throw ZooError(.alreadyExists, "\(output.path) already exists; choose another --out")
        }
        let network = try network(source)
        let file = "\(source.name)-\(type.ggufName).gguf"
        try OutputFolder.write(output, existing: .refuse) { part in
            switch target {
            case .hf:
                try network.export(to: part, as: type)
                try ModelTexts.copy(from: source.folders, to: part)
            case .gguf:
                try network.exportGGUF(
                    to: part.appending(path: file), as: type, about: papers.about, tokenizer: source.tokenizer ?? source.model,
                    chatTemplate: chatTemplate(source))
            }
            for licence in papers.licences {
                try OutputFile.write(InputFile.data(licence), to: part.appending(path: licence.lastPathComponent))
            }
            try OutputFile.write(Data(papers.card.utf8), to: part.appending(path: "README.md"))
        }
        return target == .hf ? output : output.appending(path: file)
    }

    private static func network(_ source: ExportSource) throws -> CausalLM {
        let network: any Network =
            if let base = source.base { try mergedNetwork(AdapterFolder(source.model), base: base) } else {
                try loadNetwork(from: source.model, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            }
        guard let network = network as? CausalLM else {
            throw ZooError(.invalidArgument, "\(source.model.path) holds no language model")
        }
        return network
    }

    private static func chatTemplate(_ source: ExportSource) throws -> String? {
        for folder in source.folders {
            if let template = try ChatTemplate.find(in: folder) { return template.source }
        }
        return nil
    }
}
