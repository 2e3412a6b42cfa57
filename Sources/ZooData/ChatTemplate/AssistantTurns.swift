import ZooBase

extension ChatTemplate {
    /// A conversation as text, and the bytes that the assistant says: each turn's content and what the template ends it with.
    ///
    /// Where the template marks them with `{% generation %}`, as TRL's training templates do, its marks are taken. Otherwise each turn is
    /// what rendering up to it adds to rendering up to the turn before it with the generation prompt.
    ///
    /// - Throws: ``DataError``, also where a turn is written differently once others follow: then only marks can tell.
    public func assistantTurns(_ messages: [ChatMessage], tools: JSONValue? = nil) throws -> RenderedChat {
        var whole = try render(messages, tools: tools)
        if marksGeneration { return whole }
        whole.generated = []
        for index in messages.indices where messages[index].role == "assistant" {
            // Of neighbouring turns of the assistant, as around a tool's answer, each has its own beginning.
            let before = try render(Array(messages[..<index]), addGenerationPrompt: true, tools: tools).text
            let through = index == messages.count - 1 ? whole.text : try render(Array(messages[...index]), tools: tools).text
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
    public func prompt(_ messages: [ChatMessage], tools: JSONValue? = nil) throws -> String {
        try render(messages, addGenerationPrompt: true, tools: tools).text
    }

    /// A prompt with an answer as text; the answer's bytes are `generated`.
    ///
    /// - Throws: ``DataError``, also where the text does not begin with that of the prompt alone.
    public func answer(_ messages: [ChatMessage], to prompt: [ChatMessage], tools: JSONValue? = nil) throws -> RenderedChat {
        let before = try self.prompt(prompt, tools: tools)
        let text = try render(prompt + messages, tools: tools).text
        guard text.utf8.starts(with: before.utf8) else {
            throw DataError(
                name,
                "the text of prompt and completion does not start with the text of the prompt, so the completion's part is ambiguous"
            )
        }
        return RenderedChat(text: text, generated: [before.utf8.count..<text.utf8.count])
    }
}
