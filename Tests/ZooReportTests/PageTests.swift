import Foundation
import Testing
import ZooReport

@Suite("a report's page")
struct PageTests {
    /// What a model may write, and what a prompt may hold.
    private let hostile = [
        "</script><script>alert(1)</script>", "<!-- <script>", "\"><img src=x onerror=alert(1)>", "a|b\nc\r\nd",
        "' & \u{0}\u{1F}", "🎬 é́ 映画",
        "\u{2028}${x}`\\u003c",
    ]

    private func page() -> Page {
        var page = Page(title: hostile[0], about: hostile[2])
        page.notes = [hostile[1]]
        var table = TextTable([.text(hostile[3]), .number("n")])
        for text in hostile { table.append([text, "1"]) }
        page.sections = [
            Page.Section("results", hostile[0], [.text(hostile[4]), .list(hostile), .table(hostile[2], table), .code(hostile)]),
            Page.Section("samples", "Samples", [.chart(.samples, hostile[0])]),
        ]
        page.charts.samples = hostile.map {
            Charts.Sample(
                prompt: $0, answers: [.init(variant: $0, text: $0, gold: .nan), .init(variant: "base", text: $0, gold: 1.5)])
        }
        return page
    }

    @Test("no text from outside becomes markup")
    func escaping() throws {
        let html = try page().html(vega: "window.vegaEmbed = 1;")
        // The page's own scripts: the library, the data, and its three files; the texts add none.
        #expect(html.ranges(of: "<script").count == 5)
        #expect(html.ranges(of: "</script>").count == 5)
        #expect(!html.contains("<img"))
        #expect(!html.contains("<!--"))
        #expect(!html.contains("\u{0}"))
        #expect(html.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(html.contains("🎬 é́ 映画"))
    }

    @Test("the data in the page reads back as it was")
    func data() throws {
        let html = try page().html(vega: "")
        let start = try #require(html.range(of: "id=\"data\">")).upperBound
        let end = try #require(html[start...].range(of: "</script>")).lowerBound
        struct PageData: Decodable {
            struct Charts: Decodable { var samples: [Sample] }
            struct Sample: Decodable {
                var prompt: String
                var answers: [Answer]
            }
            struct Answer: Decodable {
                var text: String
                var gold: Double?
            }
            var charts: Charts
        }
        let read = try JSONDecoder().decode(PageData.self, from: Data(html[start..<end].utf8))
        #expect(read.charts.samples.map(\.prompt) == hostile)
        #expect(read.charts.samples[0].answers.map(\.gold) == [nil, 1.5])
    }

    @Test("the page asks for nothing from anywhere")
    func selfContained() throws {
        let whole = try page().html(vega: "")
        // A hostile text is shown, not obeyed.
        let html = whole.replacing("img src=x", with: "")
        for way in [
            "src=", "url(", "@import", "import(", "XMLHttpRequest", "WebSocket", "sendBeacon", "rel=\"stylesheet", "<iframe",
        ] {
            #expect(!html.contains(way), "\(way)")
        }
        #expect(!html.contains("http:") && !html.contains("https:"))
        #expect(html.contains("default-src 'none'"))
        #expect(html.contains("connect-src 'none'"))
        // The one request there is goes to the page's own server, and only where it has one.
        #expect(html.ranges(of: "fetch(").count == 1)
        #expect(html.contains("fetch(\"report.json\""))
        #expect(!html.contains("id=\"follow\""))
        let followed = try page().html(vega: "", status: "1 of 3 runs done")
        #expect(followed.contains("connect-src 'self'"))
        #expect(followed.contains("id=\"follow\""))
    }

    @Test("sections, tables and figures can be used by keyboard and screen reader")
    func accessible() throws {
        let html = try page().html(vega: "")
        #expect(html.contains("<html lang=\"en\">"))
        #expect(html.contains("<caption>"))
        #expect(html.contains("<th scope=\"col\">") && html.contains("<th scope=\"row\">"))
        #expect(html.contains("tabindex=\"0\" role=\"region\""))
        #expect(html.contains("<a class=\"skip\" href=\"#main\">"))
        #expect(html.contains("<figure data-chart=\"samples\">"))
        for figure in Page.Figure.allCases { #expect(html.contains("figures.\(figure.rawValue) =")) }
    }

    @Test("what follows is new only where the content is")
    func versions() throws {
        struct Update: Decodable {
            var version: String
            var status: String
        }
        func version(_ page: Page, _ status: String) throws -> Update {
            try JSONDecoder().decode(Update.self, from: page.update(status: status))
        }
        let first = try version(page(), "at step 1")
        #expect(try version(page(), "at step 2").version == first.version)
        #expect(try version(page(), "at step 2").status == "at step 2")
        var changed = page()
        changed.sections[0].parts.append(.text("new"))
        #expect(try version(changed, "at step 1").version != first.version)
    }

    @Test("Markdown keeps rows whole, JSON every table")
    func texts() throws {
        let markdown = page().markdown()
        #expect(markdown.contains("| a\\|b c d | 1 |"))
        #expect(markdown.hasPrefix("# </script>"))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(page().json().utf8)) as? [String: Any])
        #expect((json["tables"] as? [[String: Any]])?.count == 1)
    }

    @Test("numbers are rounded to five digits, and what is none is null")
    func rounding() throws {
        let data = try JSONEncoder().encode([
            Rounded(1.234567), Rounded(.nan), Rounded(nil), Rounded(120_000), Rounded(0), Rounded(-1e-9),
        ])
        #expect(String(decoding: data, as: UTF8.self) == "[1.2346,null,null,120000,0,-1e-09]")
    }

    // MARK: - Curves

    private func run(_ values: [Double], every: Int = 1) -> [MetricLine] {
        values.enumerated().map { index, value in
            var record = MetricLine(step: index + 1, values: ["loss": value, "budget/seconds": Double(index)])
            if (index + 1) % every == 0 { record.values["eval/gold"] = value }
            return record
        }
    }

    @Test("a curve is the mean over seeds with their range, at steps that all kept")
    func curve() throws {
        let series = LearningCurves.series(
            "a", runs: [run([1, 2]), run([3, 4]), run([5, 9])], axes: ["budget/seconds"], points: 10, isRare: { _ in false })
        let loss = try #require(series.metrics["loss"])
        #expect(loss.mean.map(\.value) == [3, 5])
        #expect(loss.low?.map(\.value) == [1, 2])
        #expect(loss.high?.map(\.value) == [5, 9])
        #expect(loss.at == nil)
        #expect(series.axes["step"]?.map(\.value) == [1, 2])
        #expect(series.axes["budget/seconds"]?.map(\.value) == [0, 1])
        #expect(series.metrics["budget/seconds"] == nil)
    }

    @Test("thinning keeps the last step and every evaluation")
    func thinning() throws {
        let series = LearningCurves.series(
            "a", runs: [run((0..<1000).map(Double.init), every: 97)], axes: [], points: 50, isRare: { $0 == "eval/gold" })
        #expect(series.metrics["eval/gold"]?.mean.count == 10)
        #expect(series.metrics["loss"]?.mean.last?.value == 999)
        #expect((series.metrics["loss"]?.mean.count ?? 0) <= 62)
        #expect(series.metrics["loss"]?.low == nil)
    }
}
