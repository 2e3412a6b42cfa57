import ZooBase

extension ChatTemplate {
    /// A conversation as text, and the bytes that the assistant says: each turn's content and what the template ends it with.
    ///
    /// Where the template marks them with `{% generation %}`, as TRL's training templates do, its marks are taken. Otherwise each turn is
    /// what rendering up to it adds to rendering up to the turn before it with the generation prompt. Turns whose message is not to be
    /// learnt are left out.
    ///
    /// - Throws: ``DataError``, also where a turn is written differently once others follow: then only marks can tell.
    public func assistantTurns(_ messages: [ChatMessage], inputs: ChatInputs = ChatInputs()) throws -> RenderedChat {
        var whole = try render(messages, inputs: inputs)
        if whole.isMarked {
            for index in messages.indices.reversed() where messages[index].role == "assistant" && !messages[index].isLearnt {
                // A template may write a turn differently once others follow, but marks as many places.
                let marks = try [index, index + 1].map { try render(Array(messages[..<$0]), inputs: inputs).generated.count }
                guard marks[0] <= marks[1], marks[1] <= whole.generated.count else {
                    throw DataError(
                        name, "the template marks fewer turns once others follow, so message \(index) cannot be left out")
                }
                whole.generated.removeSubrange(marks[0]..<marks[1])
            }
            return whole
        }
        whole.generated = []
        for index in messages.indices where messages[index].role == "assistant" && messages[index].isLearnt {
            // Of neighbouring turns of the assistant, as around a tool's answer, each has its own beginning.
            let before = try render(Array(messages[..<index]), addGenerationPrompt: true, inputs: inputs).text
            let through = index == messages.count - 1 ? whole.text : try render(Array(messages[...index]), inputs: inputs).text
            guard through.utf8.starts(with: before.utf8), whole.text.utf8.starts(with: through.utf8) else {
                throw DataError(
                    name,
                    "the template writes message \(index) (assistant) differently once others follow, or starts it differently than its "
                        + "generation prompt does, so its part of the text is ambiguous; put {% generation %} around what the assistant "
                        + "says in a copy of the template, and use that as 'data.chat_template'")
            }
            whole.generated.append(before.utf8.count..<through.utf8.count)
        }
        return whole
    }

    /// A prompt as text, up to where the assistant's turn begins.
    public func prompt(_ messages: [ChatMessage], inputs: ChatInputs = ChatInputs()) throws -> String {
        try render(messages, addGenerationPrompt: true, inputs: inputs).text
    }

    /// A prompt with an answer as text; the answer's bytes are `generated`.
    ///
    /// - Throws: ``DataError``, also where the text does not begin with that of the prompt alone.
    public func answer(_ messages: [ChatMessage], to prompt: [ChatMessage], inputs: ChatInputs = ChatInputs()) throws
        -> RenderedChat
    {
        let before = try self.prompt(prompt, inputs: inputs)
        let text = try render(prompt + messages, inputs: inputs).text
        guard text.utf8.starts(with: before.utf8) else {
            throw DataError(
                name,
                "the text of prompt and completion does not start with the text of the prompt, so the completion's part is ambiguous"
            )
        }
        return RenderedChat(text: text, generated: [before.utf8.count..<text.utf8.count])
    }
}
