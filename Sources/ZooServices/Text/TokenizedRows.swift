import Foundation
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Rows as sequences. Texts: begin token, prompt, completion, end token, where the tokenizer has them and the text does not already
/// begin or end with them. Conversations: as the chat template writes them.
package struct TokenizedRows {
    package let codec: any TextCodec
    /// Longer prompts keep their end.
    let maxPromptLength: Int
    /// Longer sequences keep their start.
    let maxLength: Int
    private let chat: Result<ChatTokens?, any Error>

    package init(codec: any TextCodec, maxPromptLength: Int, maxLength: Int) {
        self.codec = codec
        self.maxPromptLength = maxPromptLength
        self.maxLength = maxLength
        // A template that cannot be read matters where there are conversations.
        chat = Result { try (codec as? TokenizerCodec)?.chatTokens() }
    }

    /// What a sample continues: [begin, tokens of the prompt]. Throws if that is empty.
    package func prompt(_ row: Row) throws -> TokenizedSequence {
        let context: TokenizedSequence
        if let conversation = row.chat {
            let chat = try template(row)
            context = cutFront(
                try chat.tokens(
                    RenderedChat(text: chat.template.prompt(conversation.prompt, inputs: conversation.inputs), generated: [])))
        } else {
            context = try self.context(row.prompt ?? "")
        }
        guard !context.tokens.isEmpty else {
            throw ZooError(
                .invalidArgument,
                "the prompt is empty and the tokenizer has no begin token, so a completion would have no context: give the "
                    + "prompt a text")
        }
        return try known(context)
    }

    /// A supervised example: the actions are the completion, the assistant's turns, or a whole plain text.
    package func example(_ row: Row) throws -> TokenizedSequence {
        if let messages = row.chat?.messages {
            let chat = try template(row)
            let turns = try chat.template.assistantTurns(messages, inputs: row.chat?.inputs ?? ChatInputs())
            return try known(chat.tokens(turns).prefix(maxLength).withoutFirstAction())
        }
        if row.completion != nil || row.chat != nil { return try completion(row, row.completion, row.chat?.completion) }
        let begin = codec.begin.map { [$0] } ?? []
        return try join(
            TokenizedSequence(tokens: begin, contextSteps: begin.count), withoutBegin(codec.encode(row.text ?? "", after: [])))
    }

    package func chosen(_ row: Row) throws -> TokenizedSequence {
        try row.sampled.map { sampled($0.context, $0.chosen) } ?? completion(row, row.chosen, row.chat?.chosen)
    }

    package func rejected(_ row: Row) throws -> TokenizedSequence {
        try row.sampled.map { sampled($0.context, $0.rejected) } ?? completion(row, row.rejected, row.chat?.rejected)
    }

    /// A sample exactly as it was drawn.
    private func sampled(_ context: [Int32], _ actions: [Int32]) -> TokenizedSequence {
        TokenizedSequence(tokens: context + actions, contextSteps: context.count).prefix(maxLength)
    }

    /// A prompt and one of its completions.
    package func completion(_ row: Row, _ completion: String?, _ turns: [ChatMessage]? = nil) throws -> TokenizedSequence {
        guard let conversation = row.chat else {
            let context = try context(row.prompt ?? "")
            return try join(context, codec.encode(completion ?? "", after: context.tokens))
        }
        let chat = try template(row)
        let answer = try chat.template.answer(turns ?? [], to: conversation.prompt, inputs: conversation.inputs)
        var whole = try chat.tokens(answer)
        // Like a sampled sequence, this one ends with its last action.
        let end = (whole.mask.lastIndex(of: true) ?? -1) + 1
        whole = TokenizedSequence(tokens: Array(whole.tokens[..<end]), mask: Array(whole.mask[..<end]))
        return try known(cutFront(whole).prefix(maxLength).withoutFirstAction())
    }

    /// The sequence, whose tokens the model must know: a tokenizer may have been given tokens after its model.
    private func known(_ sequence: TokenizedSequence) throws -> TokenizedSequence {
        guard let rows = codec.rows, let token = sequence.tokens.first(where: { $0 >= rows }) else { return sequence }
        throw ZooError(
            .invalidArgument,
            "the tokenizer has token \(token) ('\(codec.spelled([token], after: []))'), for which the model's embedding has no row "
                + "(vocab_size is \(rows)): resize the model's embedding, or take the token out of the text and the tokenizer's files"
        )
    }

    /// Drops tokens at the start until the context before the first action is no longer than a prompt may be.
    private func cutFront(_ sequence: TokenizedSequence) -> TokenizedSequence {
        let excess = max(0, (sequence.mask.firstIndex(of: true) ?? sequence.tokens.count) - maxPromptLength)
        var result = TokenizedSequence(
            tokens: Array(sequence.tokens.dropFirst(excess)), mask: Array(sequence.mask.dropFirst(excess)))
        result.cut.front = excess
        return result
    }

    private func template(_ row: Row) throws -> ChatTokens {
        guard let chat = try chat.get() else {
            throw ZooError(
                .invalidArgument,
                "the data contains conversations, but the model's tokenizer has no chat template: name a file in the stage's "
                    + "'data: {chat_template: FILE.jinja}', or put chat_template.jinja next to the tokenizer")
        }
        return chat
    }

    /// [begin, tokens of the prompt], cut at the start; empty if there is neither.
    private func context(_ prompt: String) throws -> TokenizedSequence {
        let encoded = withoutBegin(try codec.encode(prompt, after: []))
        let begin = (encoded.isEmpty ? codec.start : codec.begin).map { [$0] } ?? []
        let kept = encoded.suffix(max(0, maxPromptLength - begin.count))
        var sequence = TokenizedSequence(tokens: begin + kept, contextSteps: begin.count + kept.count)
        sequence.cut.front = encoded.count - kept.count
        return sequence
    }

    /// A text that already is templated starts with the begin token and gets no second one.
    private func withoutBegin(_ tokens: [Int32]) -> [Int32] {
        codec.begin != nil && tokens.first == codec.begin ? Array(tokens.dropFirst()) : tokens
    }

    private func join(_ context: TokenizedSequence, _ completion: [Int32]) throws -> TokenizedSequence {
        let end = completion.last == codec.end ? nil : codec.end
        var sequence = TokenizedSequence(
            tokens: context.tokens + completion + (end.map { [$0] } ?? []), contextSteps: context.tokens.count)
        sequence.cut.front = context.cut.front
        return try known(sequence.prefix(maxLength).withoutFirstAction())
    }
}
