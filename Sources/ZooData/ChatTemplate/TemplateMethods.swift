/// The methods of strings, lists and mappings.
extension Interpreter {
    func call(_ method: TemplateMethod, _ given: CallArguments) throws -> TemplateValue {
        switch method.receiver {
        case .text(let text): return try call(method.name, text, given)
        case .markup: throw TemplateFault.outside(given.line, "the method '\(method.name)' of a string marked by 'safe'")
        case .map(let map): return try call(method.name, map, given)
        case .list(let list):
            let value = try given.matched(method.name, ["value"])["value"] ?? .none
            let places = try list.items.indices.filter { try equal(list.items[$0], value, given.line) }
            if method.name == "count" { return .int(places.count) }
            guard let first = places.first else { throw TemplateFault(given.line, "'index': the list has no such item") }
            return .int(first)
        default: throw TemplateFault(given.line, "\(method.receiver.kind) has no method '\(method.name)'")
        }
    }

    private func call(_ name: String, _ map: TemplateMap, _ given: CallArguments) throws -> TemplateValue {
        switch name {
        case "get":
            let values = try given.matched("get", ["key", "default"])
            guard case .text(let key)? = values["key"] else { return values["default"] ?? .none }
            return map[key] ?? values["default"] ?? .none
        case "keys": return .items(map.keys.map(TemplateValue.text))
        case "values": return .items(map.pairs.map(\.value))
        default: return Self.items(of: map)
        }
    }

    /// A list of pairs of key and value.
    static func items(of map: TemplateMap) -> TemplateValue {
        .items(map.pairs.map { .list(TemplateList([.text($0.key), $0.value], isTuple: true)) })
    }

    private func call(_ name: String, _ text: Text, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        try budget.spend(text.count / 4, line)
        switch name {
        case "strip", "lstrip", "rstrip":
            let set = try given.matched(name, ["chars"])["chars"]
            return .text(try strip(text, set, left: name != "rstrip", right: name != "lstrip", line))
        case "split", "rsplit": return try split(name, text, given)
        case "splitlines":
            _ = try given.matched(name, [])
            return .items(text.lines().map(TemplateValue.text))
        case "startswith", "endswith":
            guard let part = try given.matched(name, ["part"])["part"] else {
                throw TemplateFault(line, "'\(name)' needs a string")
            }
            // Python also takes several, as a tuple.
            let parts = if case .list(let list) = part { list.items } else { [part] }
            return .bool(
                try parts.contains {
                    let part = try $0.text("the argument of '\(name)'", line)
                    return name == "startswith" ? text.hasPrefix(part) : text.hasSuffix(part)
                })
        case "replace": return .text(try replace(text, given.matched(name, ["old", "new", "count"]), line))
        case "upper": return .text(text.uppercased)
        case "lower": return .text(text.lowercased)
        case "capitalize": return .text(text.capitalized)
        case "title":
            var afterLetter = false
            return .text(
                text.flatMap { scalar -> Text in
                    defer { afterLetter = scalar.properties.isCased }
                    return afterLetter ? [scalar].lowercased : Array(scalar.properties.titlecaseMapping.unicodeScalars)
                })
        case "find", "count":
            guard let part = try given.matched(name, ["part"])["part"]?.text("the argument of '\(name)'", line) else {
                throw TemplateFault(line, "'\(name)' needs a string")
            }
            try budget.search(text, part, line)
            if name == "find" { return .int(text.position(of: part) ?? -1) }
            return .int(part.isEmpty ? text.count + 1 : text.split(at: part).count - 1)
        case "join":
            let items = try items(given.matched(name, ["items"])["items"] ?? .none, line)
            return try join(items.map { try $0.text("an item of 'join'", line) }, text, line)
        case "isdigit":
            return .bool(
                !text.isEmpty && text.allSatisfy { $0.properties.numericType == .decimal || $0.properties.numericType == .digit })
        default: return .bool(text.isAll(upper: name == "isupper"))
        }
    }

    func strip(_ text: Text, _ set: TemplateValue?, left: Bool, right: Bool, _ line: Int) throws -> Text {
        guard let set, !set.isNone else { return text.stripped(left: left, right: right) }
        let characters = try set.text("the characters to strip", line)
        try budget.search(text, characters, line)
        return text.stripped(characters, left: left, right: right)
    }

    func replace(_ text: Text, _ values: [String: TemplateValue], _ line: Int) throws -> Text {
        guard let old = values["old"], let new = values["new"] else { throw TemplateFault(line, "'replace' needs two strings") }
        var most = Int.max
        if let count = values["count"], !count.isNone {
            let given = try count.whole("the count of 'replace'", line)
            if given >= 0 { most = given }
        }
        let (before, after) = (
            try old.text("the first argument of 'replace'", line), try new.text("the second argument of 'replace'", line)
        )
        try budget.search(text, before, line)
        let found = before.isEmpty ? text.count + 1 : text.split(at: before, most: most).count - 1
        let (size, overflow) = found.multipliedReportingOverflow(by: after.count)
        try budget.grow(overflow ? .max : size, line)
        return text.replacing(before, with: after, most: most)
    }

    private func split(_ name: String, _ text: Text, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        let values = try given.matched(name, ["sep", "maxsplit"])
        let count = try values["maxsplit"]?.whole("the count of '\(name)'", line) ?? -1
        let most = count < 0 ? Int.max : count
        let fromEnd = name == "rsplit"
        if fromEnd, most != .max, values["sep"]?.isNone ?? true {
            throw TemplateFault.outside(line, "'rsplit' at white space with a count")
        }
        guard let separator = values["sep"], !separator.isNone else {
            return .items(text.splitAtSpaces(most: most).map(TemplateValue.text))
        }
        let mark = try separator.text("the separator of '\(name)'", line)
        guard !mark.isEmpty else { throw TemplateFault(line, "the separator of '\(name)' is empty") }
        try budget.search(text, mark, line)
        if fromEnd {
            let parts = Text(text.reversed()).split(at: Text(mark.reversed()), most: most)
            return .items(parts.reversed().map { .text($0.reversed()) })
        }
        return .items(text.split(at: mark, most: most).map(TemplateValue.text))
    }

    func join(_ parts: [Text], _ separator: Text, _ line: Int) throws -> TemplateValue {
        var size = 0
        for part in parts {
            size += part.count + separator.count
            try budget.grow(size, line)
        }
        return .text(Text(parts.joined(separator: separator)))
    }
}

extension TemplateValue {
    var isNone: Bool { if case .none = self { true } else { false } }
}
