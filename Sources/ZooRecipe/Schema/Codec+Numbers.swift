import ZooBase
import ZooData

extension Codec where Value == Double {
    /// A number in a range, which `words` describes: `a number > 0`.
    static func number(_ words: String, _ range: NumberRange) -> Codec {
        Codec(words, .number(range)) { field in
            guard case .scalar(let value) = field.node.content, let number = value.number else { return nil }
            return range.contains(number) ? number : nil
        } write: {
            .number($0)
        }
    }

    static func positive(from least: Double = 0, to most: Double) -> Codec {
        bounded("a number > 0", NumberRange(from: least, to: most, excludesFrom: least == 0)) { $0 > 0 }
    }

    static func fromZero(to most: Double) -> Codec { bounded("a number >= 0", NumberRange(from: 0, to: most)) { $0 >= 0 } }

    static func fromZeroToOne(_ words: String = "a number") -> Codec {
        number("\(words) from 0 to 1", NumberRange(from: 0, to: 1))
    }

    static func fromZeroBelowOne(_ words: String = "a number") -> Codec {
        number("\(words) from 0, below 1", NumberRange(from: 0, to: 1, excludesTo: true))
    }

    /// From -`most` to `most`.
    static func within(_ most: Double) -> Codec {
        number(
            "a number from \(JSONValue.number(-most).yaml) to \(JSONValue.number(most).yaml)", NumberRange(from: -most, to: most))
    }

    static var finite: Codec { number("a number", NumberRange(from: -.infinity, to: .infinity)) }

    /// What no machine could hold is refused with the bounds, what makes no sense with the words.
    private static func bounded(
        _ words: String, _ range: NumberRange, _ condition: @escaping @Sendable (Double) -> Bool
    ) -> Codec {
        Codec(words, .number(range)) { field in
            guard case .scalar(let value) = field.node.content, let number = value.number, condition(number) else { return nil }
            guard range.contains(number) else {
                let bounds = [range.from, range.to].map { JSONValue.number($0).yaml }.joined(separator: " to ")
                throw field.error("expected a number from \(bounds), found \(field.node.found)")
            }
            return number
        } write: {
            .number($0)
        }
    }

    /// A whole number.
    static func whole(from least: Int, to most: Int) -> Codec {
        let whole = Codec<Int>.whole(from: least, to: most)
        return Codec(whole.words, whole.shape) {
            try whole.read($0).map(Double.init)
        } write: {
            .number($0)
        }
    }
}

extension NumberRange {
    func contains(_ number: Double) -> Bool {
        (excludesFrom ? number > from : number >= from) && (excludesTo ? number < to : number <= to)
    }
}

extension Codec where Value: FixedWidthInteger & Sendable {
    /// A whole number from `least` to `most`, beyond which no machine could hold it or no run would end.
    static func whole(from least: Value, to most: Value) -> Codec {
        Codec("a whole number >= \(least)", .whole(from: Int(least), to: Int(most))) { field in
            guard case .scalar(let value) = field.node.content, let number = value.number, number == number.rounded(),
                number >= Double(least)
            else { return nil }
            guard let whole = Value(exactly: number), whole <= most else {
                throw field.error("expected a whole number from \(least) to \(most), found \(field.node.found)")
            }
            return whole
        } write: {
            .number($0)
        }
    }

    /// A seed, up to 2⁵³: up to there, a number in JSON is exact.
    static var seed: Codec { whole(from: 0, to: 1 << 53) }
}

extension Codec where Value == Int {
    /// Of one process.
    static var threads: Codec { whole(from: 1, to: RecipeLimits.threads) }
    /// Iterations, or an interval between recurring things; 0 is allowed.
    static var iterations: Codec { whole(from: 0, to: RecipeLimits.iterations) }
}

extension Codec where Value == Int {
    /// A size in memory with its unit, `2 GiB`.
    static var bytes: Codec {
        let units = ["KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40]
        return Codec("a size with its unit, such as 2 GiB or 500 MiB", .text("a size, such as 2 GiB")) { field in
            guard case .scalar(let value) = field.node.content, let text = value.string,
                let unit = units.keys.first(where: { text.hasSuffix($0) }), let power = units[unit],
                let number = Double(text.dropLast(unit.count).trimmingCharacters(in: .whitespaces)), number > 0, number <= 1e6
            else { return nil }
            return max(1, Int(number * Double(1 << power)))
        } write: { bytes in
            let unit = units.sorted { $0.value > $1.value }.first { bytes % (1 << $0.value) == 0 } ?? ("KiB", 10)
            let number = Double(bytes) / Double(1 << unit.value)
            return .text((number == number.rounded() ? "\(Int(number))" : "\(number)") + " " + unit.key)
        }
    }
}
