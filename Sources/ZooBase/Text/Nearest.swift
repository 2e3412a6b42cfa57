/// The name among `candidates` that `name` was most likely meant to be; nil if none is close.
///
/// Close is an edit distance (insertions, deletions, replacements and swaps of neighbours) of at most a third of the longer
/// name, at least 1. Case is ignored, as are `-` against `_`. Ties go to the earlier candidate.
package func nearest(_ name: String, among candidates: some Sequence<String>) -> String? {
    func fold(_ text: String) -> [Character] { text.lowercased().map { $0 == "_" ? "-" : $0 } }
    let wanted = fold(name)
    var best: (name: String, distance: Int)?
    for candidate in candidates {
        let folded = fold(candidate)
        let distance = editDistance(wanted, folded)
        let limit = max(1, max(wanted.count, folded.count) / 3)
        if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
}

/// `; did you mean 'grpo'?` for the end of a sentence about `name`; empty if none of the candidates is close.
package func didYouMean(_ name: String, among candidates: some Sequence<String>) -> String {
    nearest(name, among: candidates).map { "; did you mean '\($0)'?" } ?? ""
}

/// Optimal string alignment distance: Damerau, "A technique for computer detection and correction of spelling errors".
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 1...a.count {
        var row = [i]
        for j in 1...b.count {
            var distance = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { distance = min(distance, beforeLast[j - 2] + 1) }
            row.append(distance)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
