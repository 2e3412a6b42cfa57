/// The places of each distinct number, in order of first appearance: `[7, 9, 7]` gives `[[0, 2], [1]]`.
public func members(of groups: [Int]) -> [[Int]] {
    var order: [Int: Int] = [:]
    var result: [[Int]] = []
    for (index, group) in groups.enumerated() {
        if let place = order[group] {
            result[place].append(index)
        } else {
            order[group] = result.count
            result.append([index])
        }
    }
    return result
}
