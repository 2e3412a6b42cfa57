import Foundation

/// What Git leaves in the place of a large file that it did not fetch: a few lines that name it.
enum LargeFilePointer {
    private static let firstWords = Array("version https://git-lfs".utf8)
    /// The format's own limit, in bytes.
    private static let longest = 1024

    /// Throws if an open file is one; its position stays as it is.
    static func refuse(_ descriptor: Int32, size: Int, path: String) throws {
        guard size <= longest, size >= firstWords.count else { return }
        let isOne = withUnsafeTemporaryAllocation(byteCount: firstWords.count, alignment: 1) { start in
            pread(descriptor, start.baseAddress, start.count, 0) == start.count && start.elementsEqual(firstWords)
        }
        guard isOne else { return }
        throw FileError(
            .data, path, "is a Git LFS pointer of \(size) bytes, not the file that it stands for; fetch that with: git lfs pull")
    }
}
