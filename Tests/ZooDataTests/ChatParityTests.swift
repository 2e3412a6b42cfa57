import Foundation
import Testing
import ZooBase
import ZooData

/// Conversations as `transformers` renders them, written by `chat_cases.py`.
struct ChatCases {
    let templates: [String: String]
    let cases: [JSONValue]
    private let conversations: [JSONValue]
    private let tools: JSONValue?

    init(_ file: URL) throws {
        let tree = try JSONValue(parsing: String(contentsOf: file, encoding: .utf8), place: file.path)
        guard case .array(let cases)? = tree["cases"], case .array(let conversations)? = tree["conversations"] else {
            throw DataError(file.path, "has no cases")
        }
        (self.cases, self.conversations, tools) = (cases, conversations, tree["tools"])
        if case .object(let members)? = tree["templates"] {
            templates = members.dictionary.mapValues { $0.string ?? "" }
        } else {
            let folder = file.deletingLastPathComponent()
            templates = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".jinja") }
                .reduce(into: [:]) { $0[$1] = try String(contentsOf: folder.appending(path: $1), encoding: .utf8) }
        }
    }

    /// What we render differently, and the refusals that `transformers` does not make or makes alone.
    func differences() throws -> (wrong: [String], texts: Int, refused: [String: Int]) {
        var parsed: [String: ChatTemplate] = [:]
        var (wrong, texts) = ([String](), 0)
        var refused: [String: Int] = [:]
        for (name, source) in templates {
            do { parsed[name] = try ChatTemplate(source: source, name: name) } catch { refused["\(error)", default: 0] += 1 }
        }
        for (number, entry) in cases.enumerated() {
            guard let name = entry["template"]?.string, var template = parsed[name],
                case .integer(let conversation)? = entry["conversation"],
                case .object(let values)? = entry["values"]
            else { continue }
            template.values = values.dictionary
            let tools = entry["tools"] == .bool(true) ? self.tools : nil
            do {
                let messages = try ChatMessage.conversation(conversations[conversation], place: "case \(number)")
                let rendered = try template.render(
                    messages, addGenerationPrompt: entry["generation"] == .bool(true), inputs: ChatInputs(tools: tools))
                let scalars = Array(rendered.text.unicodeScalars)
                guard let expected = entry["text"]?.string.map({ Array($0.unicodeScalars) }) else {
                    wrong.append("\(name) case \(number): rendered, and refused by transformers: \(entry["error"]?.string ?? "")")
                    continue
                }
                guard scalars == expected else {
                    let same = zip(scalars, expected).prefix { $0 == $1 }.count
                    func near(_ text: [Unicode.Scalar]) -> String {
                        text[max(0, same - 30)..<min(text.count, same + 40)].map { $0.escaped(asASCII: false) }.joined()
                    }
                    wrong.append("\(name) case \(number): found …\(near(scalars))… expected …\(near(expected))…")
                    continue
                }
                let bytes = [0] + scalars.map { UTF8.width($0) }.reduce(into: []) { $0.append(($0.last ?? 0) + $1) }
                let spans = rendered.generated.map { range in
                    JSONValue.array([range.lowerBound, range.upperBound].map { .integer(bytes.firstIndex(of: $0) ?? -1) })
                }
                if entry["spans"] != .array(spans) {
                    wrong.append("\(name) case \(number): spans \(spans), expected \(entry["spans"] ?? .null)")
                }
                texts += 1
            } catch {
                if entry["text"]?.string != nil { refused["\(error)", default: 0] += 1 }
            }
        }
        return (wrong, texts, refused)
    }
}

@Suite("chat templates against transformers")
struct ChatParityTests {
    @Test("templates with the constructs of the field's, and all others of the subset")
    func own() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/chat")
        let found = try ChatCases(folder.appending(path: "expected.json")).differences()
        #expect(found.wrong == [])
        #expect(found.refused == [:])
        #expect(found.texts > 200)
    }

    @Test("real templates", .enabled(if: ProcessInfo.processInfo.environment["ZOO_CHAT_PARITY"] != nil))
    func real() throws {
        let found = try ChatCases(URL(filePath: ProcessInfo.processInfo.environment["ZOO_CHAT_PARITY"] ?? "")).differences()
        print("\(found.texts) texts are the same, \(found.wrong.count) differ")
        for (reason, count) in found.refused.sorted(by: { $0.key < $1.key }) { print("refused \(count): \(reason)") }
        for line in found.wrong.prefix(40) { print(line) }
        #expect(found.wrong.isEmpty)
    }
}
