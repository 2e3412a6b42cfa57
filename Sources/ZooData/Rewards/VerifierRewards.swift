import Foundation

/// 1 if the completion is the right answer, else 0. Spaces and line ends around either are ignored.
public struct ExactMatchReward: RewardFunction {
    public let name = "exact-match"
    public let isVerifier = true
    let column: String
    let ignoresCase: Bool

    public init(column: String = "answer", ignoresCase: Bool = false) {
        self.column = column
        self.ignoresCase = ignoresCase
    }

    public func score(_ item: RewardItem) throws -> Double {
        let value = try item.column(column, reward: name)
        let answer: String
        switch value {
        case .string(let text): answer = text
        case .integer(let number): answer = "\(number)"
        case .number(let number): answer = Int64(exactly: number).map { "\($0)" } ?? "\(number)"
        default: throw DataError("reward \(name)", "the column '\(column)' is \(value.kind); expected a string or a number")
        }
        return fold(item.completion) == fold(answer) ? 1 : 0
    }

    private func fold(_ text: String) -> String {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return ignoresCase ? trimmed.lowercased() : trimmed
    }
}

/// 1 if the last number of the completion is the right one, else 0; the usual check of arithmetic answers.
///
/// Numbers are written `-1,234.5e6`; commas between thousands are ignored. Of an answer's text the last number counts too,
/// so that GSM8K's `… #### 72` works as it is.
public struct NumberMatchReward: RewardFunction {
    public let name = "number-match"
    public let isVerifier = true
    let column: String
    let tolerance: Double

    /// - Parameter tolerance: the largest absolute difference that still counts as equal.
    public init(column: String = "answer", tolerance: Double = 1e-6) {
        precondition(tolerance >= 0, "a tolerance must not be negative")
        self.column = column
        self.tolerance = tolerance
    }

    public func score(_ item: RewardItem) throws -> Double {
        let value = try item.column(column, reward: name)
        guard let answer = value.number ?? value.string.flatMap(Self.lastNumber) else {
            throw DataError("reward \(name)", "the column '\(column)' contains no number")
        }
        guard let found = Self.lastNumber(in: item.completion) else { return 0 }
        return abs(found - answer) <= tolerance ? 1 : 0
    }

    /// The last number that `text` spells.
    static func lastNumber(in text: String) -> Double? {
        let text = Array(text.utf8)
        func isThere(_ character: Unicode.Scalar, before place: Int) -> Bool {
            // After a digit a point ends a sentence or a version's part, and a minus is a subtraction.
            place > 0 && text[place - 1] == UInt8(ascii: character) && !(place > 1 && isDigit(text[place - 2]))
        }
        var last: Double?
        var place = 0
        while let first = text[place...].firstIndex(where: isDigit) {
            let hasPoint = isThere(".", before: first)
            var begin = hasPoint ? first - 1 : first
            if isThere("-", before: begin) { begin -= 1 }
            place = endOfNumber(in: text, from: first, hasPoint: hasPoint)
            let digits = text[begin..<place].filter { $0 != UInt8(ascii: ",") }
            last = Double(String(decoding: digits, as: UTF8.self)) ?? last
        }
        return last
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// Commas, a point and an exponent belong to the number only where digits follow.
    private static func endOfNumber(in text: [UInt8], from start: Int, hasPoint: Bool) -> Int {
        func digits(from place: Int) -> Int { text[place...].firstIndex { !isDigit($0) } ?? text.endIndex }
        func isThere(_ characters: String, at place: Int) -> Bool {
            place < text.endIndex && characters.utf8.contains(text[place])
        }
        var end = digits(from: start)
        if !hasPoint {
            while isThere(",", at: end), digits(from: end + 1) == end + 4 { end += 4 }
            if isThere(".", at: end), digits(from: end + 1) > end + 1 { end = digits(from: end + 1) }
        }
        if isThere("eE", at: end) {
            let exponent = isThere("+-", at: end + 1) ? end + 2 : end + 1
            if exponent < text.endIndex, digits(from: exponent) > exponent { end = digits(from: exponent) }
        }
        return end
    }
}

/// 1 if the pattern is found in the completion, else 0.
public struct RegexReward: RewardFunction {
    public let name = "regex"
    private let expression: NSRegularExpression

    /// - Throws: ``DataError`` if the pattern is not a regular expression.
    public init(pattern: String, ignoresCase: Bool = false) throws {
        guard !pattern.isEmpty else { throw DataError("reward regex", "'pattern' is empty") }
        do {
            expression = try NSRegularExpression(pattern: pattern, options: ignoresCase ? .caseInsensitive : [])
        } catch {
            throw DataError("reward regex", "'pattern' is not a regular expression: '\(pattern)'; check its brackets and escapes")
        }
    }

    public func score(_ item: RewardItem) -> Double {
        let whole = NSRange(item.completion.startIndex..., in: item.completion)
        return expression.firstMatch(in: item.completion, range: whole) == nil ? 0 : 1
    }
}

/// How far the completion's length is from a target, as a share of it: 0 at best, -1 at twice the target or at nothing.
public struct LengthReward: RewardFunction {
    public let name = "length"
    let target: Double
    let onlyLonger: Bool

    /// - Parameters:
    ///   - target: in steps, above 0.
    ///   - mode: `target` minds any other length, `max` only longer ones.
    /// - Throws: ``DataError`` for another mode.
    public init(target: Double, mode: String = "target") throws {
        guard target > 0 else { throw DataError("reward length", "'target' is \(target); expected more than 0") }
        guard ["target", "max"].contains(mode) else {
            throw DataError("reward length", "'mode' is '\(mode)'; expected target or max")
        }
        self.target = target
        onlyLonger = mode == "max"
    }

    public func score(_ item: RewardItem) -> Double {
        let difference = Double(item.steps) - target
        return -(onlyLonger ? max(0, difference) : abs(difference)) / target
    }
}
