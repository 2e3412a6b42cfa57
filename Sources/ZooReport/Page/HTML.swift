import Foundation

/// The few pieces of HTML that a page is made of. Every text that comes from outside goes through ``text(_:)``.
enum HTML {
    /// A text that no browser takes for markup, in an element or a quoted attribute.
    static func text(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // HTML has no such characters, however they are written.
            case "\u{0}"..<"\t", "\u{B}", "\u{C}", "\u{E}"..<" ", "\u{7F}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// JSON that may stand in a script element: no `</script>` or `<!--` can begin in it.
    static func script(json: String) -> String { json.replacing("<", with: "\\u003c") }

    /// An image in the page itself, its pixels as they are.
    static func image(_ caption: String, _ png: Data) -> String {
        """
        <figure class="image"><img alt="\(text(caption))" src="data:image/png;base64,\(png.base64EncodedString())">
        <figcaption>\(text(caption))</figcaption></figure>

        """
    }

    static func table(_ caption: String, _ table: TextTable) -> String {
        func cell(_ tag: String, _ index: Int, _ content: String) -> String {
            let scope = tag == "th" ? " scope=\"row\"" : ""
            return "<\(tag)\(scope)\(table.columns[index].isNumber ? " class=\"number\"" : "")>\(text(content))</\(tag)>"
        }
        let head = table.columns.map { "<th scope=\"col\"\($0.isNumber ? " class=\"number\"" : "")>\(text($0.title))</th>" }
        let rows = table.rows.map { row in
            "<tr>" + row.indices.map { cell($0 == 0 ? "th" : "td", $0, row[$0]) }.joined() + "</tr>\n"
        }
        // Wide tables scroll on their own, by keyboard too.
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="\(text(caption))"><table>
            <caption><span>\(text(caption))</span></caption>
            <thead><tr>\(head.joined())</tr></thead>
            <tbody>
            \(rows.joined())</tbody></table></div>

            """
    }
}
