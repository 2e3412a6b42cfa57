import ZooBase

/// One line of a dataset.
public struct Row: Sendable, Equatable {
    /// The row's place in the dataset, from 0.
    public var id: Int
    public var text: String?
    public var prompt: String?
    public var completion: String?
    public var chosen: String?
    public var rejected: String?
    /// The conversations, where the columns are lists of messages; then the texts above are nil.
    public var chat: ChatRow?
    /// The columns that the dataset's shape does not use, by name, without those that are null; rewards read them.
    public var extras: [String: JSONValue]
    /// Whether the completion is desirable: the column `label`, if it is true or false.
    public var label: Bool? { extras["label"]?.bool }
    /// For image tasks; then `prompt` describes the image in words.
    public var image: ImageItem?
    /// For a pair built from samples: their tokens, which text could not reproduce.
    public var sampled: SampledPair?

    public init(
        id: Int = 0, text: String? = nil, prompt: String? = nil, completion: String? = nil, chosen: String? = nil,
        rejected: String? = nil, extras: [String: JSONValue] = [:], image: ImageItem? = nil
    ) {
        self.id = id
        self.text = text
        self.prompt = prompt
        self.completion = completion
        self.chosen = chosen
        self.rejected = rejected
        self.extras = extras
        self.image = image
    }
}

extension Row {
    /// Whether the label is 0 or 1, as in many datasets for TRL's KTO.
    var hasNumberForLabel: Bool {
        guard let number = extras["label"]?.number else { return false }
        return number == 0 || number == 1
    }

    /// Makes labels 0 and 1 false and true where no other number shows that they are classes.
    static func readNumbersForLabels(in rows: inout [Row]) {
        guard rows.contains(where: { $0.label != nil }) || rows.allSatisfy(\.hasNumberForLabel) else { return }
        for index in rows.indices where rows[index].hasNumberForLabel {
            rows[index].extras["label"] = .bool(rows[index].extras["label"]?.number == 1)
        }
    }
}

/// Two samples of a prompt as they were drawn: decoded and encoded again, some texts would come out as other tokens.
public struct SampledPair: Codable, Sendable, Equatable {
    /// The tokens that both began from.
    public var context: [Int32]
    /// Each ends with the end token if that was drawn, or with its last token if the sample was cut.
    public var chosen: [Int32]
    public var rejected: [Int32]

    public init(context: [Int32], chosen: [Int32], rejected: [Int32]) {
        self.context = context
        self.chosen = chosen
        self.rejected = rejected
    }
}

extension Row {
    /// Takes the columns of `shape` out of `columns`; the others become ``extras``.
    /// - Throws: the reason as text, for the caller to put the line in front.
    init(columns: [String: JSONValue], shape: DatasetShape, id: Int) throws(RowFault) {
        var rest = columns
        if let chat = try ChatRow(columns: &rest, shape: shape) {
            self.init(id: id, extras: rest.filter { !$0.value.isNull })
            self.chat = chat
            return
        }
        func take(_ name: String) throws(RowFault) -> String {
            guard let value = rest.removeValue(forKey: name) else {
                throw RowFault(
                    reason: "'\(name)' is missing; the line has \(columns.keys.sorted().joined(separator: ", "))")
            }
            if name == "prompt", shape == .preference, value.array != nil {
                throw RowFault(
                    reason:
                        "'prompt' is a list, 'chosen' and 'rejected' are strings; expected all to be strings or all lists of messages"
                )
            }
            guard let text = value.string else {
                throw RowFault(reason: "'\(name)' is \(value.kind); expected a string or a list of messages")
            }
            return text
        }
        self.init(id: id)
        switch shape {
        case .text:
            text = try take("text")
            if text?.isEmpty ?? true { throw RowFault(reason: "'text' is empty") }
        case .messages: break  // always a conversation
        case .prompt: prompt = try take("prompt")
        case .promptCompletion:
            prompt = try take("prompt")
            completion = try take("completion")
        case .preference:
            let (better, worse) = (try take("chosen"), try take("rejected"))
            guard better != worse else { throw RowFault(reason: "'chosen' and 'rejected' are the same text") }
            if rest["prompt"]?.isNull == false {
                (prompt, chosen, rejected) = (try take("prompt"), better, worse)
            } else {
                (prompt, chosen, rejected) = Self.splitSharedPrompt(better, worse)
            }
        }
        extras = rest.filter { !$0.value.isNull }
    }

    /// Splits off the common start of both texts; a space at its end stays with the completions.
    /// Source: TRL's `extract_prompt`.
    static func splitSharedPrompt(_ a: String, _ b: String) -> (prompt: String, a: String, b: String) {
        var shared = zip(a.unicodeScalars, b.unicodeScalars).prefix { $0 == $1 }.count
        if shared > 0, Array(a.unicodeScalars.prefix(shared)).last == " " { shared -= 1 }
        return (
            String(a.unicodeScalars.prefix(shared)), String(a.unicodeScalars.dropFirst(shared)),
            String(b.unicodeScalars.dropFirst(shared))
        )
    }

    /// All columns, as a line of JSONL holds them.
    var columns: [String: JSONValue] {
        var result = extras.merging(chat?.columns ?? [:]) { $1 }
        let named = [
            ("text", text), ("prompt", prompt), ("completion", completion), ("chosen", chosen), ("rejected", rejected),
        ]
        for case (let name, let value?) in named { result[name] = .string(value) }
        return result
    }
}
