import ArgumentParser
import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is installed, what is missing, and how to get it.",
        discussion: """
            The exit status is 0 if nothing required is missing.

              zoo doctor
            """)

    @OptionGroup var plugins: PluginOptions

    private enum State: String {
        case fine = "ok"
        /// Works without.
        case optional = "–"
        case missing = "missing"
    }

    func run() async throws {
        var table = TextTable([.text("state"), .text("what"), .text("found")])
        var isWhole = true
        for (state, what, found) in try await findings() {
            table.append([state.rawValue, what, found])
            if state == .missing { isWhole = false }
        }
        try StandardOutput.table(table)
        if !isWhole { throw ExitCode(CommandStatus.data.rawValue) }
    }

    private func findings() async throws -> [(State, String, String)] {
        let machine = ProcessInfo.processInfo
        let memory = Quantity.bytes(Double(machine.physicalMemory))
        return [
            (
                .fine, "machine",
                "\(machine.operatingSystemVersionString), \(machine.activeProcessorCount) cores, \(memory) memory"
            ),
            (.fine, "compiler", toolchain),
            (.fine, "libtorch", "\(EngineInfo.version), \(EngineInfo.library("libtorch_cpu") ?? "linked")"),
            cuda,
            (.fine, "libltdl", EngineInfo.library("libltdl") ?? "linked"),
            try await pluginFindings(),
        ] + data + models + [charts, parquet, launchers, cache]
    }

    /// Of each kind of data, whether it is there. What comes with a package of the system is left to the user.
    private var data: [(State, String, String)] {
        Tasks.raw.map { raw in
            let folder = raw.folder(in: CacheFolder.data).path
            let tasks = Tasks.all.filter { $0.raw?.name == raw.name }.map { $0.name }.joined(separator: ", ")
            if raw.isThere(in: CacheFolder.data) { return (.fine, "\(raw.name) data", "\(folder), for \(tasks)") }
            return (
                raw.package == nil ? .missing : .optional, "\(raw.name) data",
                "not at \(folder), for \(tasks); \(raw.advice)"
            )
        }
    }

    /// Of each model that can be fetched, whether it is there.
    private var models: [(State, String, String)] {
        FetchedModel.all.map { model in
            let folder = model.folder(in: CacheFolder.data).path
            return model.isThere(in: CacheFolder.data)
                ? (.fine, "\(model.name) model", "\(folder), for recipes: \(FetchedModel.prefix)\(model.name)")
                : (.optional, "\(model.name) model", "not at \(folder), for recipes on a real model; \(model.advice)")
        }
    }

    private var charts: (State, String, String) {
        optional("charts", "vega of vl-convert-python \(ChartLibrary.version), for zoo report") { _ = try ChartLibrary.load() }
    }

    private var parquet: (State, String, String) {
        optional("Parquet", "Apache Arrow of pyarrow \(ParquetLibrary.version), for data in .parquet files") {
            _ = try ParquetLibrary.load()
        }
    }

    /// Something that zoo opens when it is needed; where it cannot be opened, its error says how to get it.
    private func optional(_ what: String, _ found: String, _ load: () throws -> Void) -> (State, String, String) {
        do {
            try load()
            return (.fine, what, found)
        } catch {
            return (.optional, what, Failure(error).message)
        }
    }

    /// The programs that start a run on several ranks.
    private var launchers: (State, String, String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let found = ["torchrun", "mpirun", "mpiexec", "srun"].compactMap { name in
            folders.map { "\($0)/\(name)" }.first(where: FileManager.default.isExecutableFile)
        }
        return found.isEmpty
            ? (.optional, "launchers", "no torchrun, mpirun, mpiexec or srun in PATH, which start a run on several ranks")
            : (.fine, "launchers", "\(found.joined(separator: ", ")), for a run on several ranks")
    }

    private var cuda: (State, String, String) {
        if let reason = EngineInfo.cudaProblem {
            (.optional, "CUDA", reason)
        } else {
            (.fine, "CUDA", "device: cuda works")
        }
    }

    private func pluginFindings() async throws -> (State, String, String) {
        let catalog = try await plugins.catalog()
        let ids = catalog.plugins.flatMap(\.algorithms).map(\.id).sorted().joined(separator: ", ")
        if let failure = catalog.failures.first { return (.missing, "plugins", failure.reason) }
        return ids.isEmpty ? (.missing, "plugins", "none; build them with `make build`") : (.fine, "plugins", ids)
    }

    /// Whether artifacts can be kept, and the room for them.
    private var cache: (State, String, String) {
        let root = CacheFolder.root
        let probe = root.appending(path: ".probe-\(UUID().uuidString)")
        do {
            try OutputFile.createFolder(root)
            try OutputFile.write(Data(), to: probe)
            try FileManager.default.removeItem(at: probe)
            let free = try FileManager.default.attributesOfFileSystem(forPath: root.path)[.systemFreeSize] as? NSNumber
            return (.fine, "cache", "\(root.path), \(free.map { Quantity.bytes($0.doubleValue) } ?? "unknown room") free")
        } catch {
            return (
                .missing, "cache",
                "\(plainWords(error)); choose another folder with POLICYZOO_CACHE"
            )
        }
    }
}
