import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

// A run that several processes train together: each was started with the same command.

extension RunController {
    /// Trains the last stage as one of the ranks of a launch, and returns the run's folder.
    ///
    /// Rank 0 prepares, as it would alone. The others make nothing: they check that their recipe, plugin and files are those that rank 0
    /// prepared the run from.
    public func train(_ place: RunPlace, seed: UInt64, as launch: Launch, isProfiled: Bool = false) async throws -> RunFolder {
        let meeting = try await RankMeeting(launch, folder: place.named, timeout: recipe.rankTimeout)
        return try await meeting.attend {
            guard launch.rank != 0 else {
                let run = try await self.place(place, seed: seed)
                try announce(run.stage, as: run.stage.name)
                try meeting.announce(run.folder.url)
                try await meeting.arrive()
                try await Self.lead(run.folder, run.lock, name: run.stage.name, observer, meeting, isProfiled)
                return run.folder
            }
            let folder = try await meeting.run()
            let found = try folder.readSpec()
            guard let stage = recipe.stages.last else { throw ZooError(.invalidArgument, "\(recipe.file.path) has no stages") }
            let own = try spec(stage, seed: seed, models: found.models, evaluates: recipe.evaluation != nil)
            guard let theirs = found.madeFrom, let ours = own.madeFrom, theirs.key == ours.key else {
                let what =
                    own.madeFrom.flatMap { found.madeFrom?.refusal(of: $0) } ?? "its run.json does not say from what it was made"
                throw ZooError(
                    .failedPrecondition,
                    "this rank was given something else than rank 0, which prepared \(folder.url.path): \(what); give all ranks the same"
                )
            }
            try await meeting.arrive()
            try await Self.follow(folder, name: stage.name, observer, meeting)
            return folder
        }
    }

    /// Continues a run as one of the ranks of a launch; their number may be another than before.
    public static func resume(
        _ folder: RunFolder, changes: [Override] = [], isProfiled: Bool = false, observer: any RunObserver, as launch: Launch
    ) async throws {
        let timeout = try folder.readSpec().recipe.rankTimeout
        let meeting = try await RankMeeting(launch, folder: folder.url, timeout: timeout)
        try await meeting.attend {
            if launch.rank == 0 {
                let (spec, lock) = try await prepare(folder, changes, observer)
                try meeting.announce(folder.url)
                try await meeting.arrive()
                return try await lead(folder, lock, name: spec.stage, observer, meeting, isProfiled)
            }
            let found = try await meeting.run()
            let spec = try found.readSpec()
            let (catalog, _) = try await Continuation.plugins(found, spec)
            _ = try Continuation(found, spec, catalog)
            try await meeting.arrive()
            try await follow(found, name: spec.stage, observer, meeting)
        }
    }

    private static func lead(
        _ folder: RunFolder, _ lock: FolderLock, name: String, _ observer: any RunObserver, _ meeting: RankMeeting,
        _ isProfiled: Bool
    ) async throws {
        _ = try await concurrently([folder], jobs: 1) {
            try work($0, lock, name: name, observer: observer, isProfiled: isProfiled, as: meeting.launch)
        }
    }

    /// Runs the worker of a rank above 0, which writes nothing of the run.
    private static func follow(_ folder: RunFolder, name: String, _ observer: any RunObserver, _ meeting: RankMeeting)
        async throws
    {
        _ = try await concurrently([folder], jobs: 1) { folder in
            let spec = try folder.readSpec()
            let work = RunWork(
                name: name, folder: folder.url, plugin: spec.plugin, observer: observer,
                again: "continue with: zoo train --resume \(folder.url.path)", launch: meeting.launch)
            try work.run(["run", folder.url.path], nil)
        }
    }
}

extension RunPlace {
    /// The folder that the user named.
    fileprivate var named: URL? {
        if case .folder(let url) = self { url } else { nil }
    }
}
