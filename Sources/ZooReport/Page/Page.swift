import Foundation

/// A report: sections of texts, tables and charts, written as one HTML page, as Markdown, or as JSON.
///
/// ```swift
/// var page = Page(title: "sentiment", about: "One base model, four ways")
/// page.sections.append(Page.Section("results", "Results", [.table("Means over seeds", table)]))
/// try page.html(vega: bundle).write(to: file, options: .atomic)
/// ```
public struct Page: Sendable {
    public var title: String
    /// One line for people.
    public var about: String
    /// What a reader has to know before believing a number: runs that failed, or that cannot be compared.
    public var notes: [String] = []
    public var sections: [Section] = []
    public var charts = Charts()

    public init(title: String, about: String) {
        self.title = title
        self.about = about
    }

    public struct Section: Sendable {
        /// Of the section in the page's address: letters and dashes.
        public var id: String
        public var title: String
        public var parts: [Part]

        public init(_ id: String, _ title: String, _ parts: [Part]) {
            self.id = id
            self.title = title
            self.parts = parts
        }
    }

    public enum Part: Sendable {
        case text(String)
        case list([String])
        /// A caption and the table.
        case table(String, TextTable)
        /// Lines as they are, such as commands.
        case code([String])
        /// What it shows, and a PNG file.
        case image(String, Data)
        /// What to draw, and its caption.
        case chart(Figure, String)
    }

    /// The charts that a page can draw of its ``Charts``.
    public enum Figure: String, Sendable, CaseIterable {
        case curves, plane, costs, critic, baselines, cosines, estimators, samples
    }
}
