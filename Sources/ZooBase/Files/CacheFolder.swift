import Foundation

/// The folders of what outlives a run: task data and artifacts.
public enum CacheFolder {
    /// `POLICYZOO_CACHE`, or `policyzoo` in the user's cache folder.
    public static var root: URL {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["POLICYZOO_CACHE"], !path.isEmpty { return URL(filePath: path, directoryHint: .isDirectory) }
        return user
    }

    /// Where the Makefile puts what all clones of this user share, whatever POLICYZOO_CACHE says.
    public static var user: URL {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let base = cache.map { URL(filePath: $0, directoryHint: .isDirectory) } ?? URL.homeDirectory.appending(path: ".cache")
        return base.appending(path: "policyzoo", directoryHint: .isDirectory)
    }

    public static var data: URL { root.appending(path: "data", directoryHint: .isDirectory) }
    public static var artifacts: URL { root.appending(path: "artifacts", directoryHint: .isDirectory) }
}
