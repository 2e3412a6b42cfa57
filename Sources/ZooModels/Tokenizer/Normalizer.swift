import Foundation

/// Changes text before it is cut into words, step by step.
struct Normalizer: Sendable {
    enum Step: Sendable {
        /// Unicode's composed form.
        case nfc
        /// Puts this before text that is not empty.
        case prepend([UInt8])
        case replace(pattern: [UInt8], content: [UInt8])
    }

    var steps: [Step] = []

    /// What `text` becomes and, step by step, how; nil if it stays as it is.
    func normalize(_ text: Bytes, after before: TextBefore = .nothing) -> (bytes: [UInt8], edits: [[SourceMap.Edit]])? {
        var result: (bytes: [UInt8], edits: [[SourceMap.Edit]])?
        for step in steps {
            // What was normalized with the text before has its prefix there.
            if case .prepend = step, before == .text || before == .normalizedToken { continue }
            let changed =
                if let current = result?.bytes { current.withUnsafeBufferPointer { apply(step, to: $0) } } else {
                    apply(step, to: text)
                }
            guard let changed else { continue }
            result = (changed.bytes, (result?.edits ?? []) + [changed.edits])
        }
        return result
    }

    private func apply(_ step: Step, to text: Bytes) -> (bytes: [UInt8], edits: [SourceMap.Edit])? {
        switch step {
        case .nfc: return composed(text)
        case .prepend(let prefix):
            guard !text.isEmpty, !prefix.isEmpty else { return nil }
            return (prefix + text, [.init(source: 0..<0, result: 0..<prefix.count)])
        case .replace(let pattern, let content): return replaceAll(pattern, by: content, in: text)
        }
    }

    /// NFC. Only stretches that it may change are handed to Foundation: characters that `tokenizers` does not know yet never
    /// come into one, and so stay as they are there, whatever version of Unicode Foundation has.
    private func composed(_ text: Bytes) -> (bytes: [UInt8], edits: [SourceMap.Edit])? {
        let flags = CharacterFlags.table
        var bytes: [UInt8] = []
        var edits: [SourceMap.Edit] = []
        var (copied, place) = (0, 0)
        var before: (start: Int, flags: CharacterFlags) = (0, [])
        while place < text.count {
            // ASCII is in every normal form.
            guard text[place] >= 0x80 else {
                before = (place, flags[Int(text[place])])
                place += 1
                continue
            }
            let (first, width) = decodeScalar(text, at: place)
            guard !flags[Int(first)].isDisjoint(with: [.mark, .composesWithPrevious]) else {
                before = (place, flags[Int(first)])
                place += width
                continue
            }
            let start = before.flags.contains(.composesWithNext) ? before.start : place
            var (marks, mayCompose) = (0, false)
            while place < text.count, case (let scalar, let width) = decodeScalar(text, at: place),
                case let own = flags[Int(scalar)], !own.isDisjoint(with: [.mark, .composesWithPrevious])
            {
                marks += own.contains(.mark) ? 1 : 0
                mayCompose = mayCompose || own.contains(.composesWithPrevious)
                place += width
            }
            before = (place, [])
            // One mark has nothing to be sorted among.
            guard mayCompose || marks > 1 else { continue }
            let old = text[start..<place]
            // Taken apart first: Foundation's NFC alone leaves a Hangul syllable and its last consonant apart, and some marks unsorted.
            let apart = String(decoding: old, as: UTF8.self).decomposedStringWithCanonicalMapping
            let new = Array(apart.precomposedStringWithCanonicalMapping.utf8)
            guard !new.elementsEqual(old) else { continue }
            bytes += text[copied..<start]
            edits.append(.init(source: start..<place, result: bytes.count..<bytes.count + new.count))
            bytes += new
            copied = place
        }
        guard !edits.isEmpty else { return nil }
        bytes += text[copied...]
        return (bytes, edits)
    }
}
