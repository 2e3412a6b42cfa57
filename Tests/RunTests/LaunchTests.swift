import Testing
import ZooKit
import ZooServices

@Suite("the place of a process among those of a launcher")
struct LaunchTests {
    @Test("torchrun, mpirun, mpiexec and srun are told by their variables")
    func launchers() throws {
        let meeting = ["MASTER_ADDR": "node7", "MASTER_PORT": "29500"]
        let kinds: [(String, [String: String])] = [
            (
                "torchrun",
                ["RANK": "2", "WORLD_SIZE": "4", "TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_USE_AGENT_STORE": "True"]
            ),
            ("RANK and WORLD_SIZE", ["RANK": "2", "WORLD_SIZE": "4"]),
            ("mpirun", ["OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"]),
            ("mpiexec", ["PMI_RANK": "2", "PMI_SIZE": "4"]),
            ("srun", ["SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "4", "SLURM_JOB_ID": "12", "SLURM_STEP_ID": "0"]),
        ]
        for (name, variables) in kinds {
            let launch = try #require(try Launch(variables.merging(meeting) { $1 }))
            #expect(launch.launcher == name)
            #expect(launch.rank == 2 && launch.size == 4)
            #expect(launch.address == "node7" && launch.port == 29500)
            // Its agent serves the store; elsewhere rank 0 does.
            #expect(launch.servesStore == (name != "torchrun"))
        }
    }

    @Test("a process alone is alone: without variables, as the only rank, and in a batch script of several tasks")
    func alone() throws {
        #expect(try Launch([:]) == nil)
        #expect(try Launch(["RANK": "0", "WORLD_SIZE": "1"]) == nil)
        #expect(try Launch(["SLURM_PROCID": "0", "SLURM_NTASKS": "8"]) == nil)
    }

    @Test("a launch that its agent starts again is another one")
    func again() throws {
        let variables = ["RANK": "0", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "job"]
        let ids = try ["0", "1"].map { try Launch(variables.merging(["TORCHELASTIC_RESTART_COUNT": $0]) { $1 })?.id }
        #expect(ids[0] != ids[1])
    }

    @Test("each rank takes the GPU of its place on its machine, and a recipe that gives them all one is refused")
    func devices() throws {
        let places = [
            ["RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"],
            ["OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_RANK": "1"],
            ["SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1"],
        ]
        for variables in places {
            let launch = try #require(try Launch(variables))
            #expect(try launch.device("cuda") == "cuda:1")
            #expect(try launch.device("cpu") == "cpu")
            let error = #expect(throws: ZooError.self) { try launch.device("cuda:0") }
            #expect(error?.message.hasPrefix("device is cuda:0") == true)
        }
        let unknown = try #require(try Launch(["RANK": "5", "WORLD_SIZE": "8"]))
        let error = #expect(throws: ZooError.self) { try unknown.device("cuda") }
        #expect(error?.message.contains("set LOCAL_RANK") == true)
    }

    @Test("variables that cannot be are refused by name")
    func refused() {
        for (name, variables) in [
            ("RANK", ["RANK": "2", "WORLD_SIZE": "2"]), ("WORLD_SIZE", ["RANK": "0", "WORLD_SIZE": "many"]),
            ("MASTER_PORT", ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "here"]),
        ] {
            let error = #expect(throws: ZooError.self) { try Launch(variables) }
            #expect(error?.message.contains("the environment variable \(name) is") == true)
        }
    }
}
