import Foundation
import ZooKit

/// The place of this process among those that a launcher started with one command: `torchrun`, `mpirun` or `srun`.
public struct Launch: Codable, Sendable, Equatable {
    /// As people call it.
    public var launcher: String
    /// From 0.
    public var rank: Int
    public var size: Int
    /// Where the ranks meet; nil: rank 0 says so in the run's folder.
    public var address: String?
    public var port: Int?
    /// Among the ranks of its machine, from 0; nil where the launcher does not say.
    public var local: Int?
    /// Whether rank 0 serves the store where they meet; under torchrun its agent does.
    public var servesStore = true
    /// Tells this launch from others of the same store or folder.
    public var id: String

    /// Set in the worker of a rank, to its launch.
    package static let variable = "ZOO_RANK"

    /// The launch that the variables speak of; nil: this process is alone.
    ///
    /// - Throws: where they contradict one another.
    public init?(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        guard let kind = Kind.all.first(where: { environment[$0.rank] != nil && environment[$0.size] != nil }) else { return nil }
        func number(_ name: String, _ expected: String, _ range: Range<Int>) throws -> Int {
            let text = environment[name] ?? ""
            guard let number = Int(text), range.contains(number) else {
                throw ZooError(.invalidArgument, "the environment variable \(name) is '\(text)'; expected \(expected)")
            }
            return number
        }
        size = try number(kind.size, "the number of ranks", 1..<1 << 20)
        guard size > 1 else { return nil }
        rank = try number(kind.rank, "a rank below \(kind.size), which is \(size)", 0..<size)
        let isElastic = environment["TORCHELASTIC_RUN_ID"] != nil
        launcher = kind.rank == "RANK" ? isElastic ? "torchrun" : "RANK and WORLD_SIZE" : kind.launcher
        address = environment["MASTER_ADDR"].flatMap { $0.isEmpty ? nil : $0 }
        if address != nil { port = try number("MASTER_PORT", "the port of MASTER_ADDR", 1..<1 << 16) }
        local = environment[kind.local].flatMap(Int.init)
        servesStore = environment["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() != "true"
        // An agent that starts all ranks again keeps its store.
        let parts = ["TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"] + kind.ids
        id = parts.compactMap { environment[$0] }.joined(separator: ".").filter {
            $0.isLetter || $0.isNumber || ".-_".contains($0)
        }
    }

    /// Refuses a launcher for what one process does.
    ///
    /// - Parameter command: what it would start several times.
    package static func refuse(for command: String) throws {
        guard let launch = try Launch() else { return }
        throw ZooError(
            .invalidArgument,
            "\(command) was started as one of \(launch.size) ranks by \(launch.launcher), and each would do all of it; start it without a "
                + "launcher, or its runs one by one with zoo train")
    }

    /// Where a rank's networks are: on the GPU of its place on its machine, where the recipe says `cuda`.
    package func device(_ recipes: String) throws -> String {
        guard recipes != "cpu" else { return recipes }
        guard recipes == "cuda" else {
            throw ZooError(
                .invalidArgument,
                "device is \(recipes), and each of several ranks needs a GPU of its own: say device: cuda, and each takes that of its "
                    + "place on its machine")
        }
        guard let local else {
            throw ZooError(
                .invalidArgument,
                "rank \(rank) of \(launcher) does not know its place on its machine, which says what GPU is its own: set LOCAL_RANK"
            )
        }
        return "cuda:\(local)"
    }

    /// The launch that the host of this worker is one of; nil: none.
    package static func ofWorker() throws -> Launch? {
        guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
        return try JSONDecoder().decode(Launch.self, from: Data(text.utf8))
    }

    /// The variables of a launcher.
    private struct Kind {
        var launcher: String
        var rank: String
        var size: String
        var local: String
        /// What tells one launch from another.
        var ids: [String]

        static let all = [
            Kind(launcher: "torchrun", rank: "RANK", size: "WORLD_SIZE", local: "LOCAL_RANK", ids: []),
            Kind(
                launcher: "mpirun", rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE",
                local: "OMPI_COMM_WORLD_LOCAL_RANK", ids: ["PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"]),
            Kind(launcher: "mpiexec", rank: "PMI_RANK", size: "PMI_SIZE", local: "MPI_LOCALRANKID", ids: ["PMI_JOBID"]),
            // Of the step: a batch script has the job's own SLURM_NTASKS, and is one process.
            Kind(
                launcher: "srun", rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS", local: "SLURM_LOCALID",
                ids: ["SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"]),
        ]
    }
}
