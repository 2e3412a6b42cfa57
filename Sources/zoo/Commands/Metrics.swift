import ArgumentParser
import ZooPlugins
import ZooReport

struct Metrics: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the metrics that are logged of every algorithm, with unit and definition.",
        discussion: """
            The host logs them in metrics.jsonl and for TensorBoard, those that are known in a run. Beside them an algorithm logs its
            own, by the names of its sources: see its page.
            """)

    @Flag(help: "Print a table of Markdown.")
    var markdown = false

    func run() throws {
        var table = TextTable([.text("metric"), .text("unit"), .text("definition")])
        for metric in CommonMetric.allCases {
            table.append([markdown ? "`\(metric.name)`" : metric.name, metric.unit, metric.definition])
        }
        for metric in SourceMetric.allCases {
            let name = metric.name("NAME")
            table.append([markdown ? "`\(name)`" : name, metric.unit, metric.definition])
        }
        if markdown { try StandardOutput.print(table.markdown(), end: "") } else { try StandardOutput.table(table) }
    }
}
