import Foundation
import ZooData
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Conversations as tokens; what the assistant says are the actions.
struct ChatTokens {
    let tokenizer: Tokenizer
    let template: ChatTemplate

    /// The whole text is tokenised once, as `transformers` does, and tokens are classified by the bytes that they stand for: a
    /// token that contains any byte of what the assistant says is an action. White space after a turn's last mark, such as the
    /// line's end after `<|im_end|>`, is not: a model stops at the mark. Where the template has its own `{% generation %}`, that
    /// is used as it is.
    func tokens(_ chat: RenderedChat) throws -> TokenizedSequence {
        let bytes = Array(chat.text.utf8)
        let (ids, ranges) = tokenizer.encodeWithOffsets(chat.text)
        var mask = [Bool](repeating: false, count: ids.count)
        for span in chat.generated {
            let held = ranges.indices.filter {
                ranges[$0].lowerBound < span.upperBound && ranges[$0].upperBound > span.lowerBound
            }
            for index in held { mask[index] = true }
            guard !chat.isMarked, let mark = held.last(where: { isMark(ids[$0]) }) else { continue }
            let rest = held.filter { $0 > mark }
            if rest.allSatisfy({ bytes[ranges[$0]].allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) } }) {
                for index in rest { mask[index] = false }
            }
        }
        return TokenizedSequence(tokens: ids, mask: mask)
    }

    /// Whether the tokenizer's file marks the token as special.
    func isMark(_ id: Int32) -> Bool {
        tokenizer.decode([id], skipSpecialTokens: true).isEmpty && !tokenizer.decode([id], skipSpecialTokens: false).isEmpty
    }

    /// Ends the assistant's turn in this template: the first mark after a turn's content; nil if the turn just ends.
    var endOfTurn: Int32? {
        let talk = [ChatMessage(role: "user", content: "a"), ChatMessage(role: "assistant", content: "Zq7")]
        // A template that refuses this conversation has no known mark.
        guard let text = try? template.render(talk).text, let content = text.range(of: "Zq7", options: .backwards) else {
            return nil
        }
        let after = String(text[content.upperBound...])
        return tokenizer.encode(after).first(where: isMark)
    }
}
