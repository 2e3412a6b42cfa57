import Foundation
import Testing
import ZooBase
import ZooData

@Suite("datasets of conversations")
struct ConversationTests {
    private static let user = #"{"role": "user", "content": "q"}"#
    private static let answer = #"{"role": "assistant", "content": "a"}"#
    private static let other = #"{"role": "assistant", "content": "b"}"#

    private func row(_ line: String) throws -> (shape: DatasetShape, row: Row) {
        let dataset = try Dataset.load(jsonl: file(line))
        return (dataset.shape, try #require(dataset.rows.first))
    }

    private func message(_ role: String, _ content: String) -> ChatMessage { ChatMessage(role: role, content: content) }

    @Test("each of TRL's shapes takes lists of messages where it takes texts, and other columns are kept")
    func shapes() throws {
        let question = [message("user", "q")]
        let whole = try row(#"{"messages": [\#(Self.user), \#(Self.answer)], "source": "x"}"#)
        #expect(whole.shape == .messages)
        #expect(whole.row.chat?.messages == question + [message("assistant", "a")])
        #expect(whole.row.extras == ["source": "x"])

        let prompt = try row(#"{"prompt": [\#(Self.user)], "answer": 4}"#)
        #expect(prompt.shape == .prompt)
        #expect(prompt.row.chat?.prompt == question)
        #expect(prompt.row.extras == ["answer": 4])

        let labelled = try row(#"{"prompt": [\#(Self.user)], "completion": [\#(Self.answer)], "label": false}"#)
        #expect(labelled.shape == .promptCompletion)
        #expect(labelled.row.chat?.completion == [message("assistant", "a")])
        #expect(labelled.row.label == false)

        let pair = try row(#"{"prompt": [\#(Self.user)], "chosen": [\#(Self.answer)], "rejected": [\#(Self.other)]}"#)
        #expect(pair.shape == .preference)
        #expect(pair.row.chat?.prompt == question)
        #expect(pair.row.chat?.rejected == [message("assistant", "b")])
    }

    @Test(
        "whole conversations of a pair are split where they part, also beside a prompt as text",
        arguments: ["", #""prompt": "q", "#])
    func implicitPrompt(prompt: String) throws {
        let pair = try row(
            #"{\#(prompt)"chosen": [\#(Self.user), \#(Self.answer)], "rejected": [\#(Self.user), \#(Self.other)]}"#)
        #expect(pair.row.chat?.prompt == [message("user", "q")])
        #expect(pair.row.chat?.chosen == [message("assistant", "a")])
        #expect(pair.row.chat?.rejected == [message("assistant", "b")])
        #expect(pair.row.extras == [:])
    }

    @Test("nulls are absent fields: those of columns, of messages and of what is in them")
    func nulls() throws {
        let call =
            #"{"role": "assistant", "content": null, "name": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1, "b": null}}}]}"#
        let whole = try row(
            #"{"prompt": null, "completion": null, "text": null, "messages": [\#(Self.user), \#(call)], "tools": null, "source": null}"#
        )
        #expect(whole.shape == .messages)
        #expect(whole.row.extras == [:])
        let template = try ChatTemplate(
            source: "{% for m in messages %}{{ m | tojson }}{% endfor %}{{ tools is none }}", name: "t")
        let messages = try #require(whole.row.chat?.messages)
        #expect(
            try template.render(messages, inputs: try #require(whole.row.chat?.inputs)).text
                == #"{"role": "user", "content": "q"}{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}True"#
        )
        let fault = try failure { try self.row(#"{"text": null}"#) }
        #expect(fault.contains("'text' is null"))
    }

    @Test("tools are a list or its JSON as a string, and variables of the template are a column too")
    func inputs() throws {
        let list = try row(
            #"{"messages": [\#(Self.user), \#(Self.answer)], "tools": [{"name": "f", "x": null}], "chat_template_kwargs": {"a": 1, "b": null}}"#
        )
        let text = try row(#"{"messages": [\#(Self.user), \#(Self.answer)], "tools": "[{\"name\": \"f\", \"x\": null}]"}"#)
        #expect(list.row.chat?.inputs == ChatInputs(tools: [["name": "f"]], variables: ["a": 1]))
        #expect(text.row.chat?.inputs == ChatInputs(tools: [["name": "f", "x": .null]]))
        #expect(list.row.extras == [:] && text.row.extras == [:])
        let template = try ChatTemplate(source: "{{ a }}", name: "t", values: ["a": 0])
        #expect(try template.render([], inputs: try #require(list.row.chat?.inputs)).text == "1")
        for (column, reason) in [
            (#""tools": "f""#, "'tools' is a string that is not JSON"),
            (#""tools": {"a": 1}"#, "'tools' is an object; expected a list"),
            (#""tools": "{}""#, "'tools' is an object; expected a list"),
            (#""chat_template_kwargs": 1"#, "'chat_template_kwargs' is a number; expected an object"),
        ] {
            let fault = try failure { try self.row(#"{"messages": [\#(Self.user), \#(Self.answer)], \#(column)}"#) }
            #expect(fault.contains(reason), "\(fault)")
        }
    }

    @Test("turns with weight 0 or train false are not learnt, and both columns stay out of the template")
    func notLearnt() throws {
        func turn(_ content: String, _ flag: String) -> String { #"{"role": "assistant", "content": "\#(content)", \#(flag)}"# }
        for (no, yes) in [(#""weight": 0"#, #""weight": 1"#), (#""train": false"#, #""train": true"#)] {
            let own = try row(#"{"messages": [\#(Self.user), \#(turn("bad", no)), \#(Self.user), \#(turn("good", yes))]}"#)
            let messages = try #require(own.row.chat?.messages)
            #expect(messages.map(\.isLearnt) == [true, false, true, true])
            for source in [
                "{% for m in messages %}{{ m | tojson }}\n{% endfor %}",
                "{% for m in messages %}{% generation %}{{ m | tojson }}{% endgeneration %}{% endfor %}",
            ] {
                let template = try ChatTemplate(source: source, name: "t")
                let turns = try template.assistantTurns(messages)
                #expect(!turns.text.contains("weight") && !turns.text.contains("train"))
                let learnt = turns.generated.map { String(decoding: Array(turns.text.utf8)[$0], as: UTF8.self) }.joined()
                #expect(learnt.contains("good") && !learnt.contains("bad"))
            }
            let copy = try Dataset.load(
                jsonl: file(String(decoding: Dataset(name: "d", shape: .messages, rows: [own.row]).jsonl(), as: UTF8.self)))
            #expect(copy.rows.first?.chat?.messages?.map(\.isLearnt) == [true, false, true, true])
        }
        for (line, reason) in [
            (#"{"messages": [\#(Self.user), \#(turn("a", #""weight": 0.5"#))]}"#, "messages[1].weight is 0.5; expected 0 or 1"),
            (#"{"messages": [\#(Self.user), \#(turn("a", #""train": "no""#))]}"#, "messages[1].train is a string"),
            (#"{"messages": [\#(Self.user), \#(turn("a", #""train": false"#))]}"#, "has no turn that is to be learnt"),
            (
                #"{"messages": [{"role": "user", "content": "q", "train": true}, \#(Self.answer)]}"#,
                "asks to learn a turn of 'user'"
            ),
            (
                #"{"prompt": [\#(Self.user)], "completion": [\#(turn("a", #""weight": 0"#))]}"#,
                "message 0 of 'completion' is not to be learnt"
            ),
        ] {
            let fault = try failure { try self.row(line) }
            #expect(fault.contains(reason), "\(fault)")
        }
    }

    @Test("a JSON file that is one array is read as its rows")
    func array() throws {
        let dataset = try Dataset.load(jsonl: file("\n[{\"text\": \"a\"},\n {\"text\": \"b\"}]\n", name: "rows.json"))
        #expect(dataset.rows.map(\.text) == ["a", "b"])
        let url = try file(#"[{"text": "a"}, {"text": 1}]"#, name: "rows.json")
        #expect(try failure { try Dataset.load(jsonl: url) }.hasPrefix("\(url.path): row 1: 'text' is a number"))
    }

    @Test("what is written reads back the same")
    func writing() throws {
        let line = #"{"chosen":[\#(Self.user),\#(Self.answer)],"rejected":[\#(Self.user),\#(Self.other)],"tools":[{"name":"f"}]}"#
        let dataset = try Dataset.load(jsonl: file(line))
        let url = try temporaryFolder().appendingPathComponent("pairs.jsonl")
        try dataset.write(jsonl: url)
        let read = try Dataset.load(jsonl: url)
        #expect(read.rows[0].chat?.prompt.map(\.content) == ["q"])
        #expect(read.rows[0].chat?.chosen?.map(\.content) == ["a"])
        #expect(read.rows[0].chat?.inputs.tools != nil)
    }

    @Test(
        "a bad conversation is an error with file, line and key",
        arguments: [
            (#"{"messages": []}"#, "'messages' is an empty list"),
            (#"{"messages": "hi"}"#, "'messages' is a string; expected a list of messages"),
            (#"{"messages": [3]}"#, "messages[0] is a number; expected an object with 'role' and 'content'"),
            (#"{"messages": [{"content": "x"}]}"#, "messages[0] has no 'role'"),
            (#"{"messages": [{"from": "human", "value": "x"}]}"#, "rename 'from' and 'value' to 'role' and 'content'"),
            (
                #"{"messages": [{"role": "human", "content": "x"}]}"#,
                "messages[0].role is 'human'; expected one of system, developer, user,"
            ),
            (#"{"messages": [{"role": "human", "content": "x"}]}"#, "did you mean 'user'?"),
            (#"{"messages": [{"role": "asistant", "content": "x"}]}"#, "did you mean 'assistant'?"),
            (#"{"messages": [{"role": null, "content": "x"}]}"#, "messages[0] has no 'role'"),
            (#"{"messages": [\#(user), {"role": "assistant"}]}"#, "messages[1] has no 'content'"),
            (#"{"messages": [{"role": "user", "content": 1}]}"#, "messages[0].content is a number; expected a string"),
            (#"{"messages": [{"role": "user", "content": [{"type": "image"}]}]}"#, "images are not read"),
            (#"{"messages": [\#(user)]}"#, "no turn of the assistant"),
            (#"{"prompt": [\#(user), \#(answer)]}"#, "the prompt ends with a turn of the assistant"),
            (#"{"prompt": [\#(user)], "completion": "a"}"#, "'completion' is a string; expected a list of messages"),
            (#"{"prompt": "q", "completion": [\#(answer)]}"#, "'prompt' is a string; expected a list of messages"),
            (#"{"prompt": [\#(user)], "completion": [\#(user)]}"#, "'completion' ends with a turn of 'user'"),
            (#"{"chosen": [\#(user), \#(answer)], "rejected": [\#(user), \#(answer)]}"#, "are the same conversation"),
            (#"{"chosen": [\#(answer)], "rejected": [\#(other)]}"#, "start with different messages"),
            (#"{"chosen": [\#(user), \#(answer)], "rejected": [\#(user)]}"#, "'rejected' adds nothing to the prompt"),
        ])
    func badConversation(line: String, reason: String) throws {
        let url = try file("\n\(line)\n")
        let sentence = try failure { try Dataset.load(jsonl: url) }
        #expect(sentence.hasPrefix("\(url.path):2: "))
        #expect(sentence.contains(reason))
    }

    @Test("formats that are not read are refused with the command that converts them")
    func otherFormats() throws {
        let zipped = URL(filePath: "/data/train.jsonl.gz")
        #expect(try failure { try Dataset.load(jsonl: zipped) }.hasSuffix("unpack it: gunzip --keep /data/train.jsonl.gz"))
    }

    @Test("lines changed at random are read or refused with file and line, and never stop the process")
    func mutations() throws {
        let seeds = [
            #"{"messages": [{"role": "user", "content": "é😀\n"}, {"role": "assistant", "content": "a", "x": [1, {"y": null}]}], "n": -1.5e3}"#,
            #"{"prompt": "p", "chosen": "c", "rejected": "r", "label": true}"#,
        ].map { Array($0.utf8) }
        var generator = SplitMix64(seed: 11)
        let marks = Array("{}[]\",:\\u0eE+-. \n\t\u{0}é".utf8) + [0xFF, 0xC3, 0xF0]
        var (read, refused) = (0, 0)
        let folder = try temporaryFolder()
        for round in 0..<1500 {
            var bytes = seeds[generator.next(below: seeds.count)]
            for _ in 0...generator.next(below: 4) {
                let place = generator.next(below: bytes.count)
                switch generator.next(below: 4) {
                case 0: bytes[place] = marks[generator.next(below: marks.count)]
                case 1: bytes.insert(marks[generator.next(below: marks.count)], at: place)
                case 2: bytes.remove(at: place)
                default:
                    bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 9)], at: generator.next(below: bytes.count))
                }
            }
            let url = folder.appendingPathComponent("\(round % 8).jsonl")
            try Data(bytes).write(to: url)
            do {
                _ = try Dataset.load(jsonl: url)
                read += 1
            } catch let error as DataError {
                #expect(error.place.hasPrefix(url.path))
                refused += 1
            }
        }
        #expect(read > 50 && refused > 500)
    }
}
