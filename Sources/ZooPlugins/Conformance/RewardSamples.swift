import ZooBase
import ZooData
import ZooKit

/// Samples for rewards: those of a plausible run, and what a policy can write at its worst.
enum RewardSamples {
    /// Answers of several lengths to questions whose rows have the columns that rewards commonly read.
    static func plausible() throws -> Batch {
        let completions = [
            " 7", " The answer is 7.", "\nLet me think. 3 + 4 = 7\n", " #### 7", " <answer>3 + 4</answer>", " \\boxed{7}", " 8",
            " seven",
            " I liked it a lot, a wonderful film", " It was terrible", " {\"answer\": 7}", " 7 7 7 7 7 7 7 7",
        ]
        return try batch(completions.map { RewardItem(prompt: "What is 3 + 4?", completion: $0, extras: extras) })
    }

    /// The columns of a row, each under the names that datasets give it.
    private static let extras: [String: JSONValue] = [
        "answer": "7", "solution": "7", "target": 7, "label": "7", "reference": "It is 7.", "ground_truth": "7",
        "numbers": [3, 4], "category": "sums", "id": 12,
    ]

    /// Texts that a policy can write, by what is odd about them.
    static let hostile: [(name: String, text: String)] = [
        ("an empty completion", ""), ("a space", " "), ("a newline", "\n"),
        ("a megabyte", String(repeating: "a", count: 1 << 20)),
        ("a line of a megabyte of digits", String(repeating: "7", count: 1 << 20)),
        ("100,000 opening brackets", String(repeating: "([{", count: 33_334)),
        ("text of several scripts", "Ответ: ٧, 七, ７ — naïve Straße 🙂👩‍👩‍👧 𝟟"),
        ("combining characters", "e\u{301}" + String(repeating: "\u{338}", count: 1000)),
        ("a zero byte", "7\u{0}7"), ("control characters", "\u{1b}[2J\u{7}\u{8}\r\u{7f}"),
        ("a replacement character", "\u{fffd}\u{fffd}"), ("the direction reversed", "\u{202e}7\u{202c}"),
        ("a number that is none", "nan inf -inf 1e999 0x1p-2000"), ("a huge number", String(repeating: "9", count: 400)),
        ("division by zero", "7/0 0/0 -7 % 0"), ("quotes and backslashes", #"\"'`\\ ${HOME} $(exit 1) %s%n%d {0}"#),
        ("unfinished JSON", #"{"answer": [1, {"a": "#), ("unfinished tags", "<answer><answer></think"),
    ]

    /// Samples of three sequences, of which the middle one has the odd text.
    static func around(_ text: String) throws -> Batch {
        try batch(
            [" 7", text, " 8"].map { RewardItem(prompt: "What is 3 + 4?", completion: $0, extras: extras) })
    }

    /// A sample with the odd text as its prompt.
    static func after(_ text: String) throws -> Batch {
        try batch([RewardItem(prompt: text, completion: " 7", extras: extras)])
    }

    /// Two steps of context, then an action for each word: all of it steps that another turn of context interrupts.
    private static func batch(_ items: [RewardItem]) throws -> Batch {
        var batch = Batch()
        for item in items {
            let words = min(item.completion.split(separator: " ").count, 64)
            let mask = [false, false] + (0..<words).map { $0 != 2 || words < 5 }
            batch.mask += mask
            batch.tokens += mask.indices.map { Int32($0 % 50) }
            batch.offsets.append(batch.mask.count)
        }
        batch.set("behaviour_logp", perStep: batch.mask.map { $0 ? -1.5 : 0 })
        batch.set(Column("group", perStep: false, .i64(items.indices.map { Int64($0 / 2) })))
        batch.set(Column("finished", perStep: false, .i64(items.map { _ in 1 })))
        return try batch.withTexts(of: items)
    }
}
