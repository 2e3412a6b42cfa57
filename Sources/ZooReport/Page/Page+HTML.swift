import Foundation

extension Page {
    /// The page as one file that loads nothing from anywhere and opens offline.
    ///
    /// - Parameters:
    ///   - vega: JavaScript that makes `vegaEmbed` known.
    ///   - status: where the page comes from a server that follows running experiments, what is continuing.
    public func html(vega: String, status: String? = nil) throws -> String {
        let links = sections.map { "<li><a href=\"#\(HTML.text($0.id))\">\(HTML.text($0.title))</a></li>" }.joined()
        let follow = status.map { "<p class=\"faint\" id=\"follow\" role=\"status\">\(HTML.text($0))</p>" } ?? ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="\(Self.policy(follows: status != nil))">
            <title>\(HTML.text(title))</title>
            <link rel="icon" href="data:,">
            <style>
            \(Self.resource(PackageResources.page_css))</style>
            </head>
            <body>
            <a class="skip" href="#main">Skip to the results</a>
            <header>
            <h1>\(HTML.text(title))</h1>
            <p class="about">\(HTML.text(about))</p>
            \(follow)
            <nav aria-label="Sections"><ul>\(links)</ul></nav>
            </header>
            <main id="main">
            <div id="notes"><div class="texts">\(notesHTML)</div></div>
            \(sections.map(Self.section).joined())</main>
            <footer class="faint">Made by zoo report. Charts by Vega, Vega-Lite and Vega-Embed (© University of Washington Interactive
            Data Lab, BSD 3-Clause).</footer>
            <noscript><p>The charts need JavaScript; the tables say the same.</p></noscript>
            <script>(() => {
            \(vega)
            })();</script>
            <script type="application/json" id="data">\(HTML.script(json: try chartJSON(status: status)))</script>
            <script>
            \(Self.resource(PackageResources.page_js))</script>
            <script>
            \(Self.resource(PackageResources.charts_js))</script>
            <script>
            \(Self.resource(PackageResources.probes_js))</script>
            </body>
            </html>

            """
    }

    /// What a page asks its server for while runs continue: the charts' data, and the texts and tables of each section.
    public func update(status: String) throws -> Data { Data(try chartJSON(status: status).utf8) }

    private struct Update: Encodable {
        struct Texts: Encodable {
            var id: String
            var html: String
        }
        var version: String
        var status: String?
        var sections: [Texts]?
        var charts: Charts
    }

    private func chartJSON(status: String?) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let texts = status.map { _ in
            [Update.Texts(id: "notes", html: notesHTML)] + sections.map { Update.Texts(id: $0.id, html: Self.texts($0)) }
        }
        let update = Update(version: "", status: status, sections: texts, charts: charts)
        // The version is that of the content, whatever the status says of the moment.
        let content = try encoder.encode(Update(version: "", status: nil, sections: texts, charts: charts))
        var versioned = update
        versioned.version = Self.fingerprint(content)
        return String(decoding: try encoder.encode(versioned), as: UTF8.self)
    }

    /// FNV-1a, 64 bits: enough to see that something changed.
    private static func fingerprint(_ data: Data) -> String {
        String(data.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 16)
    }

    /// Nothing is loaded but what is in the page; a page that follows may ask its own server.
    private static func policy(follows: Bool) -> String {
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
            + "connect-src \(follows ? "'self'" : "'none'"); base-uri 'none'; form-action 'none'"
    }

    private static func resource(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    // MARK: - Sections

    private var notesHTML: String {
        guard !notes.isEmpty else { return "" }
        let items = notes.map { "<li>\(HTML.text($0))</li>" }.joined()
        return "<div class=\"notes\" role=\"note\"><strong>Caveats</strong><ul>\(items)</ul></div>"
    }

    /// Texts and tables first, in an element that an update replaces; then the charts, which update themselves.
    private static func section(_ section: Section) -> String {
        let charts = section.parts.map { part in
            guard case .chart(let figure, let caption) = part else { return "" }
            let text = HTML.text(caption)
            return """
                <figure data-chart="\(figure.rawValue)"><div class="drawing"></div><figcaption>\(text)</figcaption></figure>

                """
        }
        let id = HTML.text(section.id)
        return """
            <section id="\(id)" aria-labelledby="\(id)-title">
            <h2 id="\(id)-title">\(HTML.text(section.title))</h2>
            \(charts.joined())<div class="texts">\(texts(section))</div>
            </section>

            """
    }

    private static func texts(_ section: Section) -> String {
        section.parts.map { part in
            switch part {
            case .text(let text): "<p>\(HTML.text(text))</p>\n"
            case .list(let items): "<ul class=\"list\">\(items.map { "<li>\(HTML.text($0))</li>" }.joined())</ul>\n"
            case .table(let caption, let table): HTML.table(caption, table)
            case .code(let lines): "<pre tabindex=\"0\">\(HTML.text(lines.joined(separator: "\n")))</pre>\n"
            case .image(let caption, let png): HTML.image(caption, png)
            case .chart: ""
            }
        }.joined()
    }
}
