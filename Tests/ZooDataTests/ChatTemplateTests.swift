import Foundation
import Testing
import ZooBase
import ZooData

@Suite("chat templates")
struct ChatTemplateTests {
    private let talk = [ChatMessage(role: "user", content: "q"), ChatMessage(role: "assistant", content: "a")]

    private func render(_ source: String) throws -> String { try ChatTemplate(source: source, name: "t.jinja").render(talk).text }

    @Test(
        "what is outside of the subset is refused with file, line and construct",
        arguments: [
            ("\n{% include 'x' %}", "t.jinja:2: the tag 'include' is outside the supported subset of Jinja"),
            ("{% frob %}", "t.jinja:1: there is no tag 'frob'"),
            ("a\n\n{{ 1 | groupby('a') }}", "t.jinja:3: the filter 'groupby' is outside the supported subset of Jinja"),
            ("{{ 1 is escaped }}", "t.jinja:1: the test 'escaped' is outside"),
            ("{{ cycler(1) }}", "t.jinja:1: the function 'cycler' is outside"),
            ("{{ 'a'.zfill(3) }}", "t.jinja:1: the method 'zfill' of a string is outside"),
            ("{{ messages.append(1) }}", "t.jinja:1: the method 'append' of a list is outside"),
            ("{{ ''.__class__ }}", "t.jinja:1: the attribute '__class__' is outside"),
            ("{{ '%s' % 1 }}", "t.jinja:1: '%' with a string is outside"),
            ("{{ f(*a) }}", "t.jinja:1: '*' before an argument is outside"),
            ("{% for a in b recursive %}{% endfor %}", "t.jinja:1: 'recursive' of a loop is outside"),
            ("{% if x %}\n", "t.jinja:1: expected '{% endif %}' before the end of the template"),
            ("{{ x", "t.jinja:1: a tag starts with '{{' and does not end"),
            ("{{ 'x }}", "t.jinja:1: a string starts with ' and does not end"),
            ("\n{# x", "t.jinja:2: a comment starts with '{#' and does not end"),
            ("{{ ) }}", "t.jinja:1: unexpected ')'"),
            ("{{ a b }}", "t.jinja:1: expected an operator or '}}', found 'b'"),
            ("{{ missing.x }}", "t.jinja:1: '.x' of something undefined: 'missing' is not defined"),
            ("{{ 1 + missing }}", "t.jinja:1: '+' with something undefined: 'missing' is not defined"),
            ("{{ 'a' + 1 }}", "t.jinja:1: '+' does not go with a string and a whole number"),
            ("{{ 1 // 0 }}", "t.jinja:1: division by zero"),
            ("{{ missing() }}", "t.jinja:1: a call of something undefined: 'missing' is not defined"),
            ("{{ raise_exception('no ' ~ messages|length) }}", "t.jinja:1: the template refuses the conversation: no 2"),
            ("{% set a.b = 1 %}", "t.jinja:1: 'a.b' cannot be set: 'a' is not a namespace"),
            ("{% break %}", "t.jinja:1: 'break' is outside of a loop"),
        ])
    func refusals(source: String, reason: String) throws {
        #expect(try failure { try render(source) }.hasPrefix(reason))
    }

    @Test(
        "no template runs, grows or nests without end",
        arguments: [
            "{{ range(10 ** 9) | length }}",
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
            "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
            "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
            "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == [ns.x, 1] }}{{ ns.x | tojson }}",
            "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}",
            "{{ 'a' * 10 ** 12 }}", "{{ [1] * 10 ** 12 }}", "{{ 2 ** 99 }}", "{{ 'x' | indent(10 ** 12) }}",
            "{% set a = 'a' * 4000000 %}{% for i in range(9999) %}{{ a }}{% endfor %}",
            "{% set a = 'a' * 4000000 %}{{ (a + 'b') in a }}", "{% set a = 'a' * 2000000 %}{{ a.replace('', a) }}",
            "{{ messages.x.y }}", "{% set ns = namespace() %}{% set ns.n = ns %}",
            "{{ \(String(repeating: "(", count: 9999))1\(String(repeating: ")", count: 9999)) }}",
            "{{ \(String(repeating: "not ", count: 9999))1 }}", "{{ \(String(repeating: "-", count: 9999))1 }}",
            "{{ 1\(String(repeating: " + 1", count: 9999)) }}",
            String(repeating: "{% if 1 %}", count: 9999),
            String(repeating: "{% for a in [1] %}", count: 59) + String(repeating: "{% endfor %}", count: 58),
        ])
    func bounds(source: String) throws {
        let start = ContinuousClock.now
        _ = try failure { try render(source) }
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test("templates changed at random are rendered or refused with their name, and never stop the process")
    func mutations() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/chat")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".jinja") }.sorted()
        let sources = try names.map { Array(try String(contentsOf: folder.appending(path: $0), encoding: .utf8).unicodeScalars) }
        var generator = SplitMix64(seed: 5)
        let words = [
            "{%", "%}", "{{", "}}", "{#", "-", "(", ")", "[", "]", "|", ".", "'", "\\", " if ", " in ", " not ", "0", "é", "\n",
            "~", "*",
        ]
        var (rendered, refused) = (0, 0)
        for _ in 0..<600 {
            var source = sources[generator.next(below: sources.count)]
            for _ in 0...generator.next(below: 3) {
                let place = generator.next(below: source.count)
                let length = min(generator.next(below: 8), source.count - place)
                switch generator.next(below: 3) {
                case 0: source.insert(contentsOf: words[generator.next(below: words.count)].unicodeScalars, at: place)
                case 1: source.removeSubrange(place..<place + length)
                default: source.insert(contentsOf: source[place..<place + length], at: generator.next(below: source.count))
                }
            }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: source)
            do {
                _ = try ChatTemplate(source: String(text), name: "mutant").render(talk)
                rendered += 1
            } catch let error as DataError {
                #expect(error.place.hasPrefix("mutant:"))
                refused += 1
            }
        }
        #expect(rendered > 50 && refused > 100)
    }

    @Test(
        "a chain of operators that could use up the stack is refused",
        arguments: [
            "a + ", "a ~ ", "a or ", "a and ", "a * ", "a ** ", "a if b else ", "not ", "-", "(", "[", "a | trim | ",
            "a is none or ",
        ])
    func chains(link: String) throws {
        for count in [2_000, 100_000] {
            let source = "{{ " + String(repeating: link, count: count) + "a }}"
            let reason = try failure { try render(source) }
            #expect(reason.hasPrefix("t.jinja:1: "), "\(link)")
        }
        let postfix = [
            "a" + String(repeating: ".b", count: 100_000), "a" + String(repeating: "[0]", count: 100_000),
            "a" + String(repeating: "()", count: 100_000), "a" + String(repeating: "|trim", count: 100_000),
        ]
        for source in postfix { #expect(try failure { try render("{{ \(source) }}") }.contains("operators follow one another")) }
        #expect(try render("{{ '" + String(repeating: "a' ~ '", count: 300) + "' }}") == String(repeating: "a", count: 300))
    }

    @Test("a model's template is found as transformers does, with its tokens")
    func finding() throws {
        func folder(_ files: [String: String]) throws -> URL {
            let folder = try temporaryFolder()
            for (name, text) in files { try Data(text.utf8).write(to: folder.appending(path: name)) }
            return folder
        }
        func text(_ files: [String: String], override: URL? = nil) throws -> String? {
            try ChatTemplate.find(
                in: folder(files), override: override, values: ["bos_token": "<b>", "eos_token": "</s>", "unk_token": "<u>"])?
                .render(talk).text
        }
        let config =
            #"{"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": "</s>", "chat_template": "{{ bos_token }}config{{ eos_token }}"}"#
        #expect(try text([:]) == nil)
        #expect(try text(["tokenizer_config.json": #"{"eos_token": "</s>"}"#]) == nil)
        #expect(try text(["tokenizer_config.json": config]) == "<b>config</s>")
        #expect(try text(["tokenizer_config.json": config, "chat_template.jinja": "{{ bos_token }}file"]) == "<b>file")
        #expect(
            try text(["chat_template.jinja": "{{ unk_token }}x"]) == "<u>x")
        #expect(try text(["tokenizer_config.json": config], override: file("given", name: "g.jinja")) == "given")
        let named = #"{"chat_template": [{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]}"#
        #expect(try text(["tokenizer_config.json": named]) == "d")
        #expect(
            try failure { try text(["tokenizer_config.json": #"{"chat_template": []}"#]) }.contains("without one named 'default'")
        )
        #expect(
            try failure { try text(["tokenizer_config.json": #"{"chat_template": 3}"#]) }.contains("'chat_template' is a number"))
        let broken = try failure { try text(["chat_template.jinja": "\n{% if %}"]) }
        #expect(broken.hasSuffix("chat_template.jinja:2: expected an expression, found '%}'"))
    }

    @Test("of several templates, tool_use is for conversations with tools")
    func toolUse() throws {
        let list =
            #"{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t{{ tools }}{% generation %}g{% endgeneration %}"}]}"#
        let files = [
            ["tokenizer_config.json": list],
            [
                "chat_template.jinja": "d",
                "additional_chat_templates/tool_use.jinja": "t{{ tools }}{% generation %}g{% endgeneration %}",
            ],
        ]
        for files in files {
            let folder = try temporaryFolder()
            for (name, text) in files {
                let url = folder.appending(path: name)
                try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: url)
            }
            let template = try #require(try ChatTemplate.find(in: folder))
            #expect(try template.render(talk).text == "d")
            let other = try template.render(talk, inputs: ChatInputs(tools: []))
            #expect((other.text, other.isMarked) == ("t[]g", true))
        }
        let folder = try temporaryFolder()
        func write(_ name: String, _ text: String) throws {
            let url = folder.appending(path: name)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        try write("additional_chat_templates/tool_use.jinja", "t")
        #expect(try failure { try ChatTemplate.find(in: folder) }.contains("no template for conversations without tools"))
        try write("additional_chat_templates/default.jinja", "d")
        try write("chat_template.jinja", "x")
        #expect(try ChatTemplate.find(in: folder)?.render(talk).text == "d")
    }

    @Test("the assistant's turns are what each adds to its prompt, or what the template marks")
    func turns() throws {
        let long = talk + [ChatMessage(role: "user", content: "r"), ChatMessage(role: "assistant", content: "é!")]
        func said(_ source: String) throws -> [String] {
            let chat = try ChatTemplate(source: source, name: "t.jinja").assistantTurns(long)
            return chat.generated.map { String(decoding: Array(chat.text.utf8)[$0], as: UTF8.self) }
        }
        let plain = "{% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}"
        #expect(try said(plain + "{{ '<assistant>' if add_generation_prompt }}") == ["a;", "é!;"])
        // Without a generation prompt the beginning of the turn is the assistant's to say.
        #expect(try said(plain) == ["<assistant>a;", "<assistant>é!;"])
        #expect(
            try said(
                "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %};{% endif %}{% endfor %}"
            )
                == ["a", "é!"])
        let forgets = "{% for m in messages %}<{{ m.role }}>{{ m.content if loop.last or m.role == 'user' }};{% endfor %}"
        let sentence = try failure { try said(forgets + "{{ '<assistant>' if add_generation_prompt }}") }
        #expect(sentence.hasPrefix("t.jinja: the template writes message 1 (assistant) differently once others follow"))
    }

    @Test("an answer is what follows the text of its prompt, or is refused")
    func answers() throws {
        let plain =
            "{% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}{{ '<assistant>' if add_generation_prompt }}"
        let chat = try ChatTemplate(source: plain, name: "t.jinja").answer([talk[1]], to: [talk[0]])
        #expect(chat.text == "<user>q;<assistant>a;")
        #expect(chat.generated == [19..<21])
        let other = try ChatTemplate(source: "{{ messages | length }}", name: "t.jinja")
        #expect(try failure { try other.answer([talk[1]], to: [talk[0]]) }.contains("does not start with the text of the prompt"))
    }

    @Test("the time is Python's")
    func time() throws {
        let template = try ChatTemplate(source: "{{ strftime_now('%Y-%m-%d %j %b %%') }}", name: "t.jinja")
        let date = Date(timeIntervalSince1970: 1_700_000_000)  // 2023-11-14 22:13:20 UTC
        #expect(["2023-11-14 318 Nov %", "2023-11-15 319 Nov %"].contains(try template.render(talk, date: date).text))
    }
}
