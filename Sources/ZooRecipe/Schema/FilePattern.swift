import Foundation

/// Paths with `*`, `?` and `[…]`, as of a shell.
enum FilePattern {
    static func isPattern(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }

    /// The files that a pattern matches, sorted by their paths' bytes. A `*` matches no leading dot.
    /// - Throws: what `error` makes of the reason, also where nothing matches.
    static func matches(_ pattern: String, error: (String) -> any Error) throws -> [URL] {
        guard !pattern.contains("**") else {
            throw error("'**' is not a pattern here: name the folders, as in data/*/*.parquet")
        }
        var found = glob_t()
        defer { globfree(&found) }
        switch glob(pattern, GLOB_NOSORT, nil, &found) {
        case 0: break
        case GLOB_NOMATCH: throw error("expected files, found none that match \(pattern)")
        default: throw error("a folder of \(pattern) cannot be read")
        }
        let paths = (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
        let files = paths.filter { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
        }
        guard !files.isEmpty else { throw error("expected files, found only folders that match \(pattern)") }
        return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { URL(filePath: $0) }
    }
}
