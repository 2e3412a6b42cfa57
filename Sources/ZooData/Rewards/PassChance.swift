/// pass@k: the chance that at least one of `k` samples solves the task, where `right` of `count` did.
///
/// The unbiased estimator 1 − C(n − c, k) / C(n, k) of Chen et al. 2021, https://arxiv.org/abs/2107.03374 (eq. 1).
///
/// - Precondition: `k` is at most `count`.
public func passChance(of k: Int, right: Int, among count: Int) -> Double {
    precondition(k <= count, "pass@\(k) needs at least \(k) samples; there are \(count)")
    guard count - right >= k else { return 1 }
    var missed = 1.0
    for drawn in count - right + 1..<count + 1 { missed *= 1 - Double(k) / Double(drawn) }
    return 1 - missed
}
