import Foundation
import Synchronization
import ZooKit

/// Whether only the user and root can change what a path leads to. A loaded plugin runs with the user's permissions.
///
/// As with OpenSSH's keys, the file and every folder above it must belong to root or the user, and nobody else may write there; a
/// group that has only the user in it counts as the user. Somebody else's rights do not matter below a folder that only the user
/// may enter, and a folder such as /tmp, where nobody can remove what is another's, may stand above the file's own folder.
struct PathTrust {
    var user = geteuid()
    /// Folders that the user vouches for.
    var trusted = (ProcessInfo.processInfo.environment[variable] ?? "").split(separator: ":").map(String.init)
    /// The folder of `zoo` itself: whoever can write there can change it too.
    var own = PluginSearchPath.executableFolder

    static let variable = "ZOO_PLUGIN_TRUST"

    /// - Parameters:
    ///   - real: the file, without links in its path.
    ///   - path: as the user named it.
    /// - Throws: `.permissionDenied` with the component at fault and what to do.
    func check(_ real: String, named path: String) throws {
        let folder = (real as NSString).deletingLastPathComponent
        if folder == own { return }
        for each in trusted {
            // A folder that does not exist vouches for nothing.
            guard let root = realpath(each, nil) else { continue }
            defer { free(root) }
            if (real + "/").hasPrefix(String(cString: root) + "/") { return }
        }
        for component in Self.components(of: real) {
            let status = try PluginFile.status(component)
            let mode = status.st_mode
            let what =
                component == real ? "it" : component == folder ? "its folder \(component)" : "the folder \(component) above it"
            func refuse(_ fault: String, _ fix: String) -> ZooError {
                ZooError(.permissionDenied, "\(path): \(what) \(fault), and a plugin runs with your permissions; \(fix)")
            }
            guard status.st_uid == 0 || status.st_uid == user else {
                throw refuse(
                    "is owned by user \(Self.name(of: status.st_uid)); expected root or you (\(Self.name(of: user)))",
                    "copy the plugin into a folder of your own, or, if that user may run code as you, set \(Self.variable)=\(folder)"
                )
            }
            let isSticky = mode & S_IFMT == S_IFDIR && mode & S_ISVTX != 0
            if isSticky, mode & S_IWOTH != 0, component == folder {
                throw refuse("is one where everyone may put files", "move the plugin into a folder of your own")
            }
            if !isSticky, mode & S_IWOTH != 0 {
                throw refuse("is writable by everyone", "make it safe with: chmod o-w '\(component)'")
            }
            if !isSticky, mode & S_IWGRP != 0, !isPrivate(status.st_gid) {
                throw refuse(
                    "is writable by the group \(Self.groupName(status.st_gid))", "make it safe with: chmod g-w '\(component)'")
            }
            // Nobody else gets any further.
            if mode & S_IFMT == S_IFDIR, status.st_uid == user, mode & (S_IXGRP | S_IXOTH) == 0 { return }
        }
    }

    /// Whether everything below a folder is safe.
    func isSafe(_ folder: String) -> Bool {
        guard let real = realpath(folder, nil) else { return false }
        defer { free(real) }
        return (try? check(String(cString: real) + "/.", named: folder)) != nil
    }

    /// "/", "/a", "/a/b" of "/a/b".
    private static func components(of path: String) -> [String] {
        path.split(separator: "/").reduce(into: ["/"]) { all, name in
            all.append((all.last == "/" ? "/" : (all.last ?? "") + "/") + name)
        }
    }

    /// Whether a group has nobody in it but the user and root: the user's own on many systems, or root's.
    private func isPrivate(_ group: gid_t) -> Bool {
        #if canImport(Darwin)
            if group == 80 { return true }  // admin, whose members may become root
        #endif
        if group == 0 { return true }
        return Self.database.withLock { _ in hasOnlyUser(group) }
    }

    /// The system's lists of users and groups are not for several threads.
    private static let database = Mutex(())

    private func hasOnlyUser(_ group: gid_t) -> Bool {
        guard let entry = getgrgid(group) else { return false }
        var member = entry.pointee.gr_mem
        while let name = member?.pointee {
            guard let found = getpwnam(name), found.pointee.pw_uid == user || found.pointee.pw_uid == 0 else { return false }
            member = member?.successor()
        }
        setpwent()
        defer { endpwent() }
        while let found = getpwent() {
            if found.pointee.pw_gid == group, found.pointee.pw_uid != user, found.pointee.pw_uid != 0 { return false }
        }
        return true
    }

    private static func name(of user: uid_t) -> String { getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)" }

    private static func groupName(_ group: gid_t) -> String {
        getgrgid(group).map { String(cString: $0.pointee.gr_name) } ?? "\(group)"
    }
}
