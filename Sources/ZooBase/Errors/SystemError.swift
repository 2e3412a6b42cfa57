import Foundation

/// Errors of the system and of Foundation, which are not written for people.
enum SystemError {
    /// The number of `errno` behind an error; nil if there is none.
    static func number(_ error: any Error) -> Int32? {
        if let error = error as? POSIXError { return error.code.rawValue }
        guard isRaw(error) else { return nil }
        var error = error as NSError
        for _ in 0..<4 {
            if error.domain == NSPOSIXErrorDomain { return Int32(exactly: error.code) }
            guard let inner = error.userInfo[NSUnderlyingErrorKey] as? any Error else { break }
            error = inner as NSError
        }
        guard error.domain == NSCocoaErrorDomain else { return nil }
        switch CocoaError.Code(rawValue: error.code) {
        case .fileNoSuchFile, .fileReadNoSuchFile: return ENOENT
        case .fileReadNoPermission, .fileWriteNoPermission: return EACCES
        case .fileWriteOutOfSpace: return ENOSPC
        case .fileWriteVolumeReadOnly: return EROFS
        case .fileWriteFileExists: return EEXIST
        case .fileReadInvalidFileName, .fileWriteInvalidFileName: return ENAMETOOLONG
        case .fileReadTooLarge: return EFBIG
        default: return nil
        }
    }

    /// An `NSError` or one of Foundation's wrappers of it.
    static func isRaw(_ error: any Error) -> Bool {
        error is CocoaError || error is POSIXError || error is URLError || type(of: error) is NSError.Type
    }

    /// The words for an error without a number.
    static func description(_ error: any Error) -> String {
        let error = error as NSError
        switch CocoaError.Code(rawValue: error.code) {
        case .fileReadInapplicableStringEncoding, .fileReadUnknownStringEncoding, .fileReadCorruptFile:
            return "it is not text in UTF-8"
        case .propertyListReadCorrupt: return "it is not valid JSON"
        default: return "the system's error \(error.code) of \(error.domain)"
        }
    }

    /// The words for an error number.
    static func words(_ number: Int32) -> String {
        switch number {
        case ENOENT: "there is no such file or folder"
        case EACCES, EPERM: "permission denied"
        case ENOSPC: "the disk is full"
        case EDQUOT: "the disk quota is used up"
        case EROFS: "the file system is read-only"
        case EISDIR: "a folder has that name"
        case ENOTDIR: "part of the path is a file, not a folder"
        case EEXIST, ENOTEMPTY: "something with that name already exists"
        case ENAMETOOLONG: "the name is too long"
        case ELOOP: "its links are circular"
        case EMFILE, ENFILE: "too many files are open"
        case EFBIG: "the file is too large"
        case EIO: "the disk failed"
        case EPIPE: "its reader has gone"
        case EBADF: "it is closed"
        case ENXIO, ENODEV: "its device does not exist"
        case EINVAL: "the system does not accept such a name"
        default: String(cString: strerror(number)).lowercased()
        }
    }
}
