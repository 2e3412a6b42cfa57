import Foundation

/// An error in words for people: the project's own unchanged, one of the system or of Foundation in a few plain words.
public func plainWords(_ error: any Error) -> String {
    if let error = error as? DecodingError { return words(error) }
    if let error = error as? EncodingError {
        switch error {
        case .invalidValue(_, let context): return "a value\(place(context.codingPath)) cannot be written"
        @unknown default: return "a value cannot be written"
        }
    }
    if let number = SystemError.number(error) { return SystemError.words(number) }
    if SystemError.isRaw(error) { return SystemError.description(error) }
    return "\(error)"
}

private func place(_ path: [any CodingKey]) -> String {
    let words = path.reduce(into: "") { words, key in
        words += key.intValue.map { "[\($0)]" } ?? (words.isEmpty ? "" : ".") + key.stringValue
    }
    return words.isEmpty ? "" : " at '\(words)'"
}

private func words(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context): return "it has no '\(key.stringValue)'\(place(context.codingPath))"
    case .typeMismatch(let type, let context):
        // Foundation reports its finding only here.
        let found = context.debugDescription.firstMatch(of: /but found (.+) instead/).map { ", found \($0.1)" } ?? ""
        return "expected \(name(type))\(place(context.codingPath))\(found)"
    case .valueNotFound(let type, let context): return "expected \(name(type))\(place(context.codingPath)), found nothing"
    case .dataCorrupted(let context):
        let inner = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"] as? String
        let reason = inner ?? context.debugDescription
        return context.codingPath.isEmpty
            ? "it is not valid JSON (\(oneLine(reason)))"
            : "the value\(place(context.codingPath)) is damaged (\(oneLine(reason)))"
    @unknown default: return "it is damaged"
    }
}

/// The type in words.
private func name(_ type: any Any.Type) -> String {
    let name = "\(type)"
    if name.hasPrefix("Dictionary") { return "an object" }
    if name.hasPrefix("Array") || name.hasPrefix("Set") { return "a list" }
    switch name {
    case "String": return "a text"
    case "Bool": return "true or false"
    case "Double", "Float", "Date": return "a number"
    case "Int", "Int32", "Int64", "UInt", "UInt64", "UInt32": return "a whole number"
    default: return "an object"
    }
}

private func oneLine(_ text: String) -> String {
    let words = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return words.hasSuffix(".") ? String(words.dropLast()) : words
}
