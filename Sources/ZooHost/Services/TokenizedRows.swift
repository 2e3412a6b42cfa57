import Foundation
import ZooData
import ZooKit

/// One sequence: its tokens, and which of them are actions.
struct TokenizedSequence {
    var tokens: [Int32]
    /// [tokens]; true: an action.
    var mask: [Bool]
    /// Tokens of the row that were cut off at the front of the prompt and at the end, for the limits of the recipe.
    var cut = (front: 0, end: 0)

    init(tokens: [Int32], mask: [Bool]) {
        self.tokens = tokens
        self.mask = mask
    }

    /// The first `contextSteps` are context, the others actions.
    init(tokens: [Int32], contextSteps: Int) {
        self.init(tokens: tokens, mask: tokens.indices.map { $0 >= contextSteps })
    }

    /// Cut to at most `most` tokens from the first, but not so far that no action is left.
    func prefix(_ most: Int) -> TokenizedSequence {
        let kept = min(tokens.count, max(most, (mask.firstIndex(of: true) ?? 0) + 1))
        var result = TokenizedSequence(tokens: Array(tokens.prefix(kept)), mask: Array(mask.prefix(kept)))
        result.cut = (cut.front, tokens.count - kept)
        return result
    }
}

/// Rows as sequences. Texts: begin token, prompt, completion, end token. Conversations: as the chat template writes them.
struct TokenizedRows {
    let codec: any TextCodec
    /// Longer prompts keep their end.
    let maxPromptSteps: Int
    /// Longer sequences keep their start.
    let maxSteps: Int
    private let chat: Result<ChatTokens?, any Error>

    init(codec: any TextCodec, maxPromptSteps: Int, maxSteps: Int) {
        self.codec = codec
        self.maxPromptSteps = maxPromptSteps
        self.maxSteps = maxSteps
        // A template that cannot be read matters where there are conversations.
        chat = Result { try (codec as? TokenizerCodec)?.chatTokens() }
    }

    /// The context of a prompt: [begin, tokens of the prompt].
    func prompt(_ row: Row) throws -> TokenizedSequence {
        if let conversation = row.chat {
            let chat = try template(row)
            return cutFront(
                try chat.tokens(
                    RenderedChat(text: chat.template.prompt(conversation.prompt, tools: conversation.tools), generated: [])))
        }
        return try context(row.prompt ?? "")
    }

    /// A supervised example: the completion counts, or the assistant's turns, or the whole of a plain text.
    func example(_ row: Row) throws -> TokenizedSequence {
        if let messages = row.chat?.messages {
            let chat = try template(row)
            return try chat.tokens(chat.template.assistantTurns(messages, tools: row.chat?.tools)).prefix(maxSteps)
        }
        if row.completion != nil || row.chat != nil { return try completion(row, row.completion, row.chat?.completion) }
        return try join(context(""), codec.encode(row.text ?? ""))
    }

    func chosen(_ row: Row) throws -> TokenizedSequence {
        try row.sampled.map { sampled($0.context, $0.chosen) } ?? completion(row, row.chosen, row.chat?.chosen)
    }

    func rejected(_ row: Row) throws -> TokenizedSequence {
        try row.sampled.map { sampled($0.context, $0.rejected) } ?? completion(row, row.rejected, row.chat?.rejected)
    }

    /// A sample as it was drawn.
    private func sampled(_ context: [Int32], _ actions: [Int32]) -> TokenizedSequence {
        TokenizedSequence(tokens: context + actions, contextSteps: context.count).prefix(maxSteps)
    }

    /// A prompt and one of its completions.
    func completion(_ row: Row, _ completion: String?, _ turns: [ChatMessage]? = nil) throws -> TokenizedSequence {
        guard let conversation = row.chat else { return try join(context(row.prompt ?? ""), codec.encode(completion ?? "")) }
        let chat = try template(row)
        let answer = try chat.template.answer(turns ?? [], to: conversation.prompt, tools: conversation.tools)
        var whole = try chat.tokens(answer)
        // As a sampled sequence does, this one ends with its last action.
        let end = (whole.mask.lastIndex(of: true) ?? -1) + 1
        whole = TokenizedSequence(tokens: Array(whole.tokens[..<end]), mask: Array(whole.mask[..<end]))
        return cutFront(whole).prefix(maxSteps)
    }

    /// Drops tokens in front, until what comes before the first action is no longer than a prompt may be.
    private func cutFront(_ sequence: TokenizedSequence) -> TokenizedSequence {
        let excess = max(0, (sequence.mask.firstIndex(of: true) ?? sequence.tokens.count) - maxPromptSteps)
        var result = TokenizedSequence(
            tokens: Array(sequence.tokens.dropFirst(excess)), mask: Array(sequence.mask.dropFirst(excess)))
        result.cut.front = excess
        return result
    }

    private func template(_ row: Row) throws -> ChatTokens {
        guard let chat = try chat.get() else {
            throw ZooError(
                .invalidArgument,
                "the data holds conversations, and the model's tokenizer has no chat template: name a file in the stage's "
                    + "'data: {chat_template: FILE.jinja}', or put one as chat_template.jinja beside the tokenizer")
        }
        return chat
    }

    private func context(_ prompt: String) throws -> TokenizedSequence {
        let room = maxPromptSteps - (codec.begin == nil ? 0 : 1)
        let encoded = try codec.encode(prompt)
        let tokens = (codec.begin.map { [$0] } ?? []) + encoded.suffix(max(0, room))
        guard !tokens.isEmpty else {
            throw ZooError(
                .invalidArgument,
                "a prompt is empty and the tokenizer has no begin token, so the first action has nothing before it")
        }
        var sequence = TokenizedSequence(tokens: tokens, contextSteps: tokens.count)
        sequence.cut.front = max(0, encoded.count - max(0, room))
        return sequence
    }

    private func join(_ context: TokenizedSequence, _ completion: [Int32]) -> TokenizedSequence {
        let all = context.tokens + completion + (codec.end.map { [$0] } ?? [])
        var sequence = TokenizedSequence(tokens: all, contextSteps: context.tokens.count)
        sequence.cut.front = context.cut.front
        return sequence.prefix(maxSteps)
    }
}
