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
        for stage in try await controller.forecast(seed: seed) {
            switch stage {
            case .kept(let name): try StandardOutput.print("stage \(name): in the cache\n")
            case .after(let name, let other):
                try StandardOutput.print("stage \(name): begins with stage '\(other)', which is to be trained first\n")
            case .known(let forecast):
                let text = ForecastText(forecast, memory: AvailableMemory.bytes, disk: Self.freeDisk)
                try StandardOutput.print(text.plain(width: Terminal.standardOutputWidth))
            }
        }
        try StandardOutput.print("nothing was trained or written")
    }

    private static var freeDisk: Int? {
        try? FileManager.default.attributesOfFileSystem(forPath: ".")[.systemFreeSize] as? Int
    }
}
