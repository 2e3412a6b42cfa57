import CProcess
import CZoo
import Foundation
import ZooKit

/// Bytes that end at an inaccessible page.
final class GuardedMemory {
    let start: UnsafeMutableRawPointer
    let count: Int
    private let pages: UnsafeMutableRawPointer
    private let length: Int

    init(_ bytes: Data) {
        let page = GuardedPages.size
        length = (bytes.count + page - 1) / page * page + page
        pages = GuardedPages.map(length)
        mprotect(pages + (length - page), page, PROT_NONE)
        count = bytes.count
        start = pages + (length - page - bytes.count)
        bytes.copyBytes(to: start.assumingMemoryBound(to: UInt8.self), count: bytes.count)
    }

    deinit { munmap(pages, length) }
}

enum GuardedPages {
    static let size = Int(sysconf(Int32(_SC_PAGESIZE)))

    static func map(_ length: Int) -> UnsafeMutableRawPointer {
        guard let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), memory != MAP_FAILED
        else { fatalError("no memory for \(length) guarded bytes") }
        return memory
    }
}

/// What of lent memory is guarded; each is a case of its own, so that a plugin fails that of its own fault alone.
enum Guarded {
    /// What was handed out, after `release`.
    case released
    /// What was lent for a call, after the call.
    case borrowed
    /// Everything but gradients, against writing.
    case readOnly
    /// The bytes before and after.
    case edges
}

/// Memory in pages of its own. What the plugin may not touch is not accessible, so that doing so ends the process with a sentence on
/// what was touched, and how. Nothing is given back to the system: addresses stay known.
final class GuardedArena: Arena, LentMemory {
    private let guarded: Guarded
    private var blocks: [Block] = []
    /// Whether it is lent for a call alone, or until it is released.
    private var isForCall = false

    init(_ guarded: Guarded) {
        self.guarded = guarded
        super.init()
    }

    deinit {
        switch (guarded, isForCall) {
        case (.released, false): allow(PROT_NONE, "after it was released")
        case (.borrowed, true): allow(PROT_NONE, "after the call that it was lent for")
        default: break
        }
    }

    override func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let block = Block(count, hasEdges: guarded == .edges)
        blocks.append(block)
        return block.start
    }

    // MARK: - Lending

    func lend(_ batch: UnsafePointer<zoo_batch>) {
        name(batch, "a batch of the host")
        guard guarded == .readOnly else { return }
        allow(PROT_READ, "which is read-only")
    }

    func lend(_ list: UnsafePointer<zoo_list>) {
        block(list)?.name = "a list of the host"
        name(list.pointee.arrays, list.pointee.n, "a list of the host")
        guard guarded == .readOnly else { return }
        allow(PROT_READ, "which is read-only")
    }

    func lend(_ call: UnsafePointer<zoo_loss_call>) {
        isForCall = true
        let (slice, count) = (call.pointee.slice, call.pointee.n_outputs)
        if let slice { name(slice, "the loss's slice") }
        name(call.pointee.outputs, count, "the loss's outputs")
        let gradients = UnsafeRawPointer(call.pointee.gradients)?.assumingMemoryBound(to: UnsafePointer<zoo_array>?.self)
        name(gradients, count, "the loss's gradients")
        block(call)?.name = "the zoo_loss_call"
        guard guarded == .readOnly else { return }
        allow(PROT_READ, "which is read-only")
        block(call)?.allow(PROT_READ | PROT_WRITE, nil)
        for index in 0..<Int(count) {
            if let data = gradients?[index]?.pointee.data { block(data)?.allow(PROT_READ | PROT_WRITE, nil) }
        }
    }

    func lend(_ call: UnsafePointer<zoo_reward_call>) {
        isForCall = true
        if let samples = call.pointee.samples { name(samples, "the samples") }
        block(call)?.name = "the zoo_reward_call"
        guard guarded == .readOnly else { return }
        allow(PROT_READ, "which is read-only")
        for array in [call.pointee.reward, call.pointee.step_reward] {
            if let data = array?.pointee.data { block(data)?.allow(PROT_READ | PROT_WRITE, nil) }
        }
    }

    func lend(_ bytes: [UInt8], as name: String) -> UnsafePointer<UInt8> {
        isForCall = true
        let copied = copy(bytes)
        block(copied)?.name = name
        if guarded == .readOnly { allow(PROT_READ, "which is read-only") }
        return UnsafePointer(copied)
    }

    private func allow(_ protection: Int32, _ rule: String) {
        for block in blocks { block.allow(protection, rule) }
    }

    private func block(_ address: UnsafeRawPointer) -> Block? { blocks.first { $0.start == address } }

    private func name(_ batch: UnsafePointer<zoo_batch>, _ what: String) {
        let value = batch.pointee
        block(batch)?.name = what
        if let offsets = value.offsets { block(offsets)?.name = "the offsets of \(what)" }
        if let tokens = value.tokens { block(tokens)?.name = "the tokens of \(what)" }
        if let mask = value.mask { block(mask)?.name = "the mask of \(what)" }
        name(value.columns, value.n_columns, what)
    }

    private func name(_ arrays: UnsafePointer<UnsafePointer<zoo_array>?>?, _ count: UInt64, _ what: String) {
        guard let arrays else { return }
        block(arrays)?.name = "the arrays of \(what)"
        for index in 0..<Int(count) {
            guard let array = arrays[index] else { continue }
            let word = array.pointee.name.string ?? ""
            block(array)?.name = "the zoo_array '\(word)' of \(what)"
            if let data = array.pointee.data { block(data)?.name = "'\(word)' of \(what)" }
            if let text = array.pointee.name.ptr { block(text)?.name = "the name '\(word)' of \(what)" }
            guard array.pointee.dtype == ZOO_STRING else { continue }
            let texts = array.pointee.data?.assumingMemoryBound(to: zoo_str.self)
            for row in 0..<Int(array.pointee.shape.0) {
                if let text = texts?[row].ptr { block(text)?.name = "text \(row) of '\(word)' of \(what)" }
            }
        }
    }

    /// Pages whose last bytes are the memory's.
    private final class Block {
        let start: UnsafeMutableRawPointer
        private let pages: UnsafeMutableRawPointer
        private let length: Int
        private let entry: UnsafeMutablePointer<zoo_lent>

        init(_ count: Int, hasEdges: Bool) {
            let page = GuardedPages.size
            length = max(1, (count + page - 1) / page) * page
            let all = GuardedPages.map(length + 2 * page)
            pages = all + page
            start = pages + (length - count)
            if hasEdges {
                mprotect(all, page, PROT_NONE)
                mprotect(pages + length, page, PROT_NONE)
            }
            entry = .allocate(capacity: 1)
            let first = UInt64(UInt(bitPattern: start))
            entry.initialize(
                to: zoo_lent(
                    start: first, end: first + UInt64(count), name: UnsafePointer(strdup("memory of the host")), rule: nil,
                    next: nil))
            zoo_lend(entry)
        }

        var name: String {
            get { String(cString: entry.pointee.name) }
            set { entry.pointee.name = UnsafePointer(strdup(newValue)) }
        }

        func allow(_ protection: Int32, _ rule: String?) {
            mprotect(pages, length, protection)
            entry.pointee.rule = rule.map { UnsafePointer(strdup($0)) }
        }
    }
}
