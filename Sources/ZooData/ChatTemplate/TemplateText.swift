/// Text as Python counts it: by code points, and equal only where every code point is.
typealias Text = [Unicode.Scalar]

extension Text {
    init(_ text: String) { self = Array(text.unicodeScalars) }

    var string: String {
        var result = String.UnicodeScalarView()
        result.append(contentsOf: self)
        return String(result)
    }

    /// Without the code points of `set` at the chosen ends; nil stands for white space.
    func stripped(_ set: Text? = nil, left: Bool = true, right: Bool = true) -> Text {
        func goes(_ scalar: Unicode.Scalar) -> Bool { set.map { $0.contains(scalar) } ?? scalar.isPythonSpace }
        var (start, end) = (startIndex, endIndex)
        while left, start < end, goes(self[start]) { start += 1 }
        while right, end > start, goes(self[end - 1]) { end -= 1 }
        return Text(self[start..<end])
    }

    func hasPrefix(_ prefix: Text) -> Bool { starts(with: prefix) }
    func hasSuffix(_ suffix: Text) -> Bool { suffix.count <= count && self[(count - suffix.count)...].elementsEqual(suffix) }

    /// Where `part` stands first, from `start` on.
    func position(of part: Text, from start: Int = 0) -> Int? {
        guard let first = part.first else { return start <= count ? start : nil }
        var index = start
        while index + part.count <= count {
            if self[index] == first, self[index..<index + part.count].elementsEqual(part) { return index }
            index += 1
        }
        return nil
    }

    /// Cut at each `separator`, at most `most` times.
    func split(at separator: Text, most: Int = .max) -> [Text] {
        var parts: [Text] = []
        var start = 0
        while parts.count < most, let found = position(of: separator, from: start) {
            parts.append(Text(self[start..<found]))
            start = found + separator.count
        }
        return parts + [Text(self[start...])]
    }

    /// Cut at runs of white space, at most `most` times; the rest keeps its end as Python's does.
    func splitAtSpaces(most: Int = .max) -> [Text] {
        var parts: [Text] = []
        var index = 0
        while true {
            while index < count, self[index].isPythonSpace { index += 1 }
            guard index < count else { return parts }
            guard parts.count < most else { return parts + [Text(self[index...])] }
            let start = index
            while index < count, !self[index].isPythonSpace { index += 1 }
            parts.append(Text(self[start..<index]))
        }
    }

    func replacing(_ old: Text, with new: Text, most: Int = .max) -> Text {
        guard old.isEmpty else { return Text(split(at: old, most: most).joined(separator: new)) }
        // Python puts the new text before each code point and at the end.
        var result: Text = []
        for (index, scalar) in enumerated() { result += (index < most ? new : []) + [scalar] }
        return count < most ? result + new : result
    }

    /// Cut at the ends of lines, which are left out.
    func lines() -> [Text] {
        var lines: [Text] = []
        var start = 0
        var index = 0
        while index < count {
            guard self[index].endsPythonLine else {
                index += 1
                continue
            }
            lines.append(Text(self[start..<index]))
            index += self[index] == "\r" && index + 1 < count && self[index + 1] == "\n" ? 2 : 1
            start = index
        }
        return start < count ? lines + [Text(self[start...])] : lines
    }

    var uppercased: Text { flatMap { Array($0.properties.uppercaseMapping.unicodeScalars) } }
    var lowercased: Text { flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) } }
    var capitalized: Text {
        guard let first else { return self }
        return Array(first.properties.titlecaseMapping.unicodeScalars) + Text(dropFirst()).lowercased
    }

    /// Whether there are cased letters and all are upper case, or all lower case.
    func isAll(upper: Bool) -> Bool {
        let cased = filter { $0.properties.isUppercase || $0.properties.isLowercase }
        return !cased.isEmpty && cased.allSatisfy { upper ? $0.properties.isUppercase : $0.properties.isLowercase }
    }
}

extension Unicode.Scalar {
    /// What Python's `str.isspace` holds to be white space.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// What Python's `str.splitlines` cuts at.
    var endsPythonLine: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
