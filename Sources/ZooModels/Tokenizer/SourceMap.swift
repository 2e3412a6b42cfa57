/// Where the bytes of changed text came from: each change of the text, from the outermost piece to the innermost.
struct SourceMap {
    /// A stretch of text that was replaced by another; between edits the text was copied.
    struct Edit {
        var source: Range<Int>
        var result: Range<Int>
    }

    private struct Step {
        /// Where the piece begins in the text around it.
        var base: Int
        /// In order of both texts.
        var edits: [Edit]
    }

    private var steps: [Step] = []

    /// The map of a piece that begins at `base` of the text of this map and was then changed by `edits`.
    func piece(at base: Int, edits: [Edit] = []) -> SourceMap {
        var result = self
        result.steps.append(Step(base: base, edits: edits))
        return result
    }

    /// The bytes of the source that `range` of the changed text stands for: all of every edit that it touches.
    func source(of range: Range<Int>) -> Range<Int> {
        var (lower, upper) = (range.lowerBound, range.upperBound)
        for step in steps.reversed() {
            let edits = step.edits
            if let edit = edits.last(atMost: { $0.result.lowerBound <= lower }) {
                let after = lower - edit.result.upperBound
                lower = after < 0 ? edit.source.lowerBound : edit.source.upperBound + after
            }
            if let edit = edits.last(atMost: { $0.result.lowerBound < upper }) {
                upper = edit.source.upperBound + max(0, upper - edit.result.upperBound)
            }
            lower += step.base
            upper += step.base
        }
        return lower..<max(lower, upper)
    }
}

extension [SourceMap.Edit] {
    /// The last element that fits, where those that fit come first: O(log n).
    fileprivate func last(atMost fits: (Element) -> Bool) -> Element? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if fits(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : self[low - 1]
    }
}
