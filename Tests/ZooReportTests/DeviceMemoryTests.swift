import Foundation
import Testing
import ZooRecords
import ZooReport

@Suite("the memory of a device in the account")
struct DeviceMemoryTests {
    private func ledger(onDevice: Bool) -> Ledger {
        var account = Ledger.Account()
        (account.weightBytes, account.gradientBytes, account.optimizerBytes, account.transientBytes) = (400, 300, 200, 50)
        var ledger = Ledger()
        ledger.roles["policy"] = account
        (ledger.programBytes, ledger.dataBytes, ledger.processPeakBytes) = (70, 30, onDevice ? 105 : 1060)
        if onDevice {
            ledger.device = .init(name: "cuda:0", peakBytes: 1000, availableBytes: 1200, totalBytes: 4000)
        }
        return ledger
    }

    private func shown(_ ledger: Ledger) -> [String: Double] {
        Dictionary(
            uniqueKeysWithValues: CostRow.rows(for: [ledger]).filter { $0.title.contains("bytes") }.compactMap { row in
                row.value(ledger).map { (row.title, $0) }
            })
    }

    @Test("networks are parts of the device's peak, and of the process's where there is no other")
    func rows() {
        let device = ledger(onDevice: true)
        #expect(device.remainingBytes == 5 && device.remainingDeviceBytes == 50)
        #expect(
            shown(device) == [
                "peak bytes, process": 105, "bytes, program": 70, "bytes, data": 30, "bytes, not accounted for": 5,
                "peak bytes, device": 1000, "device bytes, policy": 900, "device bytes, largest pass": 50,
                "device bytes, kept by its allocator": 50,
            ])
        let own = ledger(onDevice: false)
        #expect(own.remainingBytes == 10 && own.remainingDeviceBytes == nil)
        #expect(
            shown(own) == [
                "peak bytes, process": 1060, "bytes, policy": 900, "bytes, largest pass": 50, "bytes, program": 70,
                "bytes, data": 30, "bytes, not accounted for": 10,
            ])
    }

    @Test("a forecast holds it against what the device has, and a ledger of before reads as one without")
    func forecast() throws {
        func text(_ ledger: Ledger) -> String {
            let forecast = Forecast(
                stage: "one", algorithm: "ppo", ledger: ledger, trained: [:], iterations: 2, seconds: 1, modelBytes: 1,
                checkpointBytes: 1, checkpoints: 1)
            return ForecastText(forecast, memory: 2000, disk: nil).plain(width: 100)
        }
        #expect(
            text(ledger(onDevice: true)).contains("cuda:0      1000 B to 1.27 KiB of 1.17 KiB available: this may be too much"))
        #expect(!text(ledger(onDevice: false)).contains("cuda"))
        let written = try JSONEncoder().encode(ledger(onDevice: true))
        #expect(try JSONDecoder().decode(Ledger.self, from: written).device?.name == "cuda:0")
        let before = try JSONEncoder().encode(ledger(onDevice: false))
        #expect(!String(decoding: before, as: UTF8.self).contains("device"))
        #expect(try JSONDecoder().decode(Ledger.self, from: before) == ledger(onDevice: false))
    }
}
