import Foundation
import ZooBase

/// Turns values into text, as Python and its `json` do. Each piece is counted, so that a value that shares its parts many times over
/// is refused before it fills the memory.
struct TemplateWriter {
    let budget: TemplateBudget
    let line: Int
    private(set) var text: Text = []

    init(_ budget: TemplateBudget, line: Int) {
        self.budget = budget
        self.line = line
    }

    private mutating func add(_ part: Text) throws {
        try budget.spend(1 + part.count / 4, line)
        try budget.grow(text.count + part.count, line)
        text += part
    }
    private mutating func add(_ part: String) throws { try add(Text(part)) }

    // MARK: - str and repr

    /// What `{{ value }}` writes.
    static func text(_ value: TemplateValue, _ budget: TemplateBudget, _ line: Int) throws -> Text {
        switch value {
        case .text(let text), .markup(let text): return text
        case .undefined: return []
        default:
            var writer = TemplateWriter(budget, line: line)
            try writer.repr(value)
            return writer.text
        }
    }

    private mutating func repr(_ value: TemplateValue) throws {
        switch value {
        case .undefined: try add("Undefined")
        case .none: try add("None")
        case .bool(let value): try add(value ? "True" : "False")
        case .int(let value): try add("\(value)")
        case .float(let value): try add(Self.python(value))
        case .text(let text), .markup(let text): try add(Self.quoted(text))
        case .list(let list):
            try add(list.isTuple ? "(" : "[")
            for (index, item) in list.items.enumerated() {
                if index > 0 { try add(", ") }
                try repr(item)
            }
            try add(list.isTuple ? list.items.count == 1 ? ",)" : ")" : "]")
        case .map(let map):
            try add("{")
            for (index, pair) in map.pairs.enumerated() {
                if index > 0 { try add(", ") }
                try add(Self.quoted(pair.key))
                try add(": ")
                try repr(pair.value)
            }
            try add("}")
        case .namespace, .loop, .method, .global, .macro: throw TemplateFault(line, "\(value.kind) cannot be written as text")
        }
    }

    /// Python's shortest text of a number.
    static func python(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        var text = "\(value)"
        // Swift writes up to 2^54 without an exponent, Python up to 10^16.
        if abs(value) >= 1e16, !text.contains("e") {
            let sign = text.hasPrefix("-") ? "-" : ""
            let digits = text.drop { $0 == "-" }.prefix { $0 != "." }
            var fraction = digits.dropFirst()
            while fraction.last == "0" { fraction.removeLast() }
            text = "\(sign)\(digits.prefix(1))\(fraction.isEmpty ? "" : ".")\(fraction)e+\(digits.count - 1)"
        }
        return text
    }

    private static func quoted(_ text: Text) -> Text {
        let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
        var result: Text = [quote]
        for scalar in text {
            switch scalar {
            case "\\", quote: result += ["\\", scalar]
            case "\n": result += Text("\\n")
            case "\r": result += Text("\\r")
            case "\t": result += Text("\\t")
            default:
                if isPrintable(scalar) {
                    result.append(scalar)
                } else {
                    let value = scalar.value
                    result += Text(
                        value < 0x100 ? hex("\\x", 2, value) : value < 0x10000 ? hex("\\u", 4, value) : hex("\\U", 8, value))
                }
            }
        }
        return result + [quote]
    }

    private static func hex(_ prefix: String, _ digits: Int, _ value: UInt32) -> String {
        let text = String(value, radix: 16)
        return prefix + String(repeating: "0", count: digits - text.count) + text
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    // MARK: - JSON

    /// The settings of the filter `tojson`, which are those of Python's `json.dumps`.
    struct JSONStyle {
        var indent: Text?
        var between: Text
        var afterKey: Text
        var ascii = false
        var sortKeys = false
    }

    static func json(_ value: TemplateValue, _ style: JSONStyle, _ budget: TemplateBudget, _ line: Int) throws -> Text {
        var writer = TemplateWriter(budget, line: line)
        try writer.json(value, style, level: 0)
        return writer.text
    }

    private mutating func json(_ value: TemplateValue, _ style: JSONStyle, level: Int) throws {
        switch value {
        case .none: try add("null")
        case .bool(let value): try add(value ? "true" : "false")
        case .int(let value): try add("\(value)")
        case .float(let value):
            try add(value.isNaN ? "NaN" : value.isInfinite ? value < 0 ? "-Infinity" : "Infinity" : Self.python(value))
        case .text(let text), .markup(let text): try add(Self.jsonQuoted(text, style))
        case .list(let list):
            try enclosed("[", "]", list.items, style, level) { writer, item in try writer.json(item, style, level: level + 1) }
        case .map(let map):
            let pairs = style.sortKeys ? map.pairs.sorted { $0.key.lexicographicallyPrecedes($1.key) } : map.pairs
            try enclosed("{", "}", pairs, style, level) { writer, pair in
                try writer.add(Self.jsonQuoted(pair.key, style))
                try writer.add(style.afterKey)
                try writer.json(pair.value, style, level: level + 1)
            }
        case .undefined(let words): throw TemplateFault(line, "'tojson' of something undefined: \(words)")
        case .namespace, .loop, .method, .global, .macro: throw TemplateFault(line, "'tojson' cannot write \(value.kind)")
        }
    }

    private mutating func enclosed<T>(
        _ begin: String, _ end: String, _ items: [T], _ style: JSONStyle, _ level: Int, _ write: (inout Self, T) throws -> Void
    ) throws {
        try add(begin)
        for (index, item) in items.enumerated() {
            if index > 0 { try add(style.between) }
            if let indent = style.indent { try add(["\n"] + Text(Array(repeating: indent, count: level + 1).joined())) }
            try write(&self, item)
        }
        if let indent = style.indent, !items.isEmpty { try add(["\n"] + Text(Array(repeating: indent, count: level).joined())) }
        try add(end)
    }

    private static func jsonQuoted(_ text: Text, _ style: JSONStyle) -> Text {
        Text(JSONText.quoted(text) { style.ascii && !(0x20...0x7E).contains($0.value) })
    }
}
