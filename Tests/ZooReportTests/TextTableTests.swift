import Testing
import ZooReport

@Suite("text table")
struct TextTableTests {
    private var table: TextTable {
        var table = TextTable([.text("method"), .number("reward"), .text("note")])
        table.append(["ppo", "0.84", "with, a \"critic\""])
        table.append(["映画 é", "-1.5", "a|b"])
        return table
    }

    @Test("columns line up by what a terminal shows, numbers at the right")
    func plain() {
        let expected = """
            method  reward  note
            ──────  ──────  ────────────────
            ppo       0.84  with, a "critic"
            映画 é    -1.5  a|b

            """
        #expect(table.plain() == expected)
    }

    @Test("Markdown aligns numbers and escapes bars")
    func markdown() {
        let expected = """
            | method | reward | note |
            |:--|--:|:--|
            | ppo | 0.84 | with, a "critic" |
            | 映画 é | -1.5 | a\\|b |

            """
        #expect(table.markdown() == expected)
    }

    @Test("CSV quotes commas and quotes, lines end as RFC 4180 says")
    func csv() {
        #expect(table.csv() == "method,reward,note\r\nppo,0.84,\"with, a \"\"critic\"\"\"\r\n映画 é,-1.5,a|b\r\n")
    }

    @Test("display width", arguments: [("abc", 3), ("", 0), ("映画", 4), ("e\u{301}", 1), ("👩‍👩‍👧", 2), ("한", 2), ("…─", 2), ("❤️", 2)])
    func width(text: String, columns: Int) {
        #expect(text.displayWidth == columns)
    }

    @Test(
        "a cut text never exceeds its width",
        arguments: [("abcdef", 4, "abc…"), ("映画館", 4, "映…"), ("abc", 3, "abc"), ("abc", 0, "")])
    func truncated(text: String, width: Int, expected: String) {
        #expect(text.truncated(toWidth: width) == expected)
    }

    @Test(
        "quantities",
        arguments: [
            (Quantity.number(0.031_23), "0.0312"), (Quantity.number(128.4), "128"), (Quantity.number(-4.1), "-4.10"),
            (Quantity.number(0.000_012), "1.20e-05"), (Quantity.number(0), "0"), (Quantity.number(.nan), "nan"),
            (Quantity.number(123_456), "123456"), (Quantity.count(950), "950"), (Quantity.count(12_340), "12.3k"),
            (Quantity.count(999_900), "1.00M"), (Quantity.bytes(512), "512 B"), (Quantity.bytes(1_572_864), "1.50 MiB"),
            (Quantity.seconds(0.412), "0.41 s"), (Quantity.seconds(187), "3:07"), (Quantity.seconds(3723), "1:02:03"),
        ])
    func quantities(found: String, expected: String) {
        #expect(found == expected)
    }
}
