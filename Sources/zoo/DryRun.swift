import Foundation
import ZooBase
import ZooRecords
import ZooReport
import ZooRun

/// Says what training would cost.
struct DryRun {
    private let controller: RunController

    init(_ controller: RunController) { self.controller = controller }

    /// - Parameter json: every number, for programs.
    func show(seed: UInt64, json: Bool = false) async throws {
        guard !json else {
            let found = try await controller.forecast(seed: seed).map { try $0.json }
            return try StandardOutput.print(try JSONValue.array(found).text())
        }
        for stage in try await controller.forecast(seed: seed) { try Self.show(stage) }
        try StandardOutput.print(Self.nothing)
    }

    /// Says what a comparison would cost.
    static func show(_ comparison: CompareController, json: Bool) async throws {
        let found = try await comparison.forecast()
        guard !json else { return try StandardOutput.print(try found.json.text()) }
        // Each base model costs the same, unless it is there.
        for stage in found.earlier.first ?? [] { try show(stage) }
        let text = ComparisonForecastText(
            found.variants.map { ($0.name, $0.cost.forecast) }, earlier: found.earlier.flatMap { $0.compactMap(\.forecast) },
            runs: found.runsOfVariant, jobs: found.jobs, memory: AvailableMemory.bytes, disk: freeDisk)
        try StandardOutput.print(text.plain(width: Terminal.standardOutputWidth))
        try StandardOutput.print(nothing)
    }

    private static let nothing = "nothing was trained or written"

    private static func show(_ stage: StageForecast) throws {
        switch stage {
        case .kept(let name): try StandardOutput.print("stage \(name): in the cache\n")
        case .after(let name, let other):
            try StandardOutput.print("stage \(name): begins with stage '\(other)', which is to be trained first\n")
        case .known(let forecast):
            let text = ForecastText(forecast, memory: AvailableMemory.bytes, disk: freeDisk)
            try StandardOutput.print(text.plain(width: Terminal.standardOutputWidth))
        }
    }

    private static var freeDisk: Int? {
        try? FileManager.default.attributesOfFileSystem(forPath: ".")[.systemFreeSize] as? Int
    }
}
