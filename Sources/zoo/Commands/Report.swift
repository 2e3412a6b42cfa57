import ArgumentParser
import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put runs, comparisons and probes on one page: curves, costs, statistics, samples.",
        discussion: """
            Each DIR is the folder of a run, a comparison or a probe. The page is one HTML file that works offline.

            "a > b" is claimed only if the 95% interval of the difference, paired by seed and prompt, excludes 0.

              zoo report runs/sentiment-compare-1
              zoo report runs/sentiment-compare-1 runs/sentiment-probe-1 --output page.html
              zoo report runs/sentiment-compare-1 --markdown
              zoo report runs/sentiment-compare-1 --output numbers.csv
              zoo report --follow runs/sentiment-compare-1
            """)

    @Argument(help: ArgumentHelp("Folders of runs, comparisons or probes.", valueName: "dir"), completion: .directory)
    var folders: [String]

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The file to write: .html, .md, .csv or .json. (default: report.html in the first folder)", valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp("The format, if the file's name does not tell; all but html are printed.", valueName: "format"))
    var format: Format?

    @Flag(help: "Print the report as Markdown, for a terminal or a pull request; the same as --format markdown.")
    var markdown = false

    @Flag(help: "Serve the page on this machine and keep it up to date while runs are in progress, until Ctrl-C.")
    var follow = false

    @Option(help: "The port to serve at; 0 chooses a free one.")
    var port: UInt16 = 0

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case html, markdown, csv, json

        /// By a file's ending; nil for one that says nothing.
        init?(file: String) {
            switch URL(filePath: file).pathExtension.lowercased() {
            case "html", "htm": self = .html
            case "md", "markdown": self = .markdown
            case "csv": self = .csv
            case "json": self = .json
            default: return nil
            }
        }
    }

    func validate() throws {
        if folders.isEmpty { throw ValidationError("name the folder of a run, a comparison or a probe") }
        if markdown, format != nil, format != .markdown {
            throw ValidationError("--markdown and --format \(format?.rawValue ?? "") exclude each other")
        }
        if follow, output != nil || format != nil || markdown {
            throw ValidationError("--follow serves the page and writes no file; leave --output, --format and --markdown out")
        }
        if let output, format == nil, !markdown, Format(file: output) == nil {
            throw ValidationError("--output \(output) does not end in .html, .md, .csv or .json; choose the format with --format")
        }
    }

    func run() async throws {
        if follow { return try await serve() }
        let builder = ReportBuilder(try ReportPlace(folders))
        switch (markdown ? .markdown : format) ?? output.flatMap(Format.init(file:)) ?? .html {
        case .html:
            let file =
                output.map { URL(fileURLWithPath: $0) } ?? Self.file(in: URL(fileURLWithPath: folders[0], isDirectory: true))
            try Self.write(try builder.page().html(vega: ChartLibrary.load()), to: file)
            try StandardOutput.print(file.shortPath)
        case .markdown: try emit(builder.page().markdown())
        case .csv: try emit(builder.csv())
        case .json: try emit(builder.page().json())
        }
    }

    private func emit(_ text: String) throws {
        guard let output else { return try StandardOutput.print(text, end: "") }
        try Self.write(text, to: URL(fileURLWithPath: output))
        try StandardOutput.print(output)
    }

    private func serve() async throws {
        _ = try ReportPlace(folders, allowsNone: true)
        let server = ReportServer(paths: folders, vega: try ChartLibrary.load(), port: port)
        try await server.run { address in
            try StandardOutput.print("\(address)   (Ctrl-C ends it)")
        }
    }

    static func file(in folder: URL) -> URL { folder.appending(path: "report.html") }

    static func write(_ text: String, to file: URL) throws { try OutputFile.write(Data(text.utf8), to: file) }
}
