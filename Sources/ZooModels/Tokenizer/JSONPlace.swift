import Foundation
import ZooBase

/// A value in a JSON file with its location, so that errors can name file and key.
struct JSONPlace {
    let value: JSONValue
    /// As `model.merges[3]`; empty for the file itself.
    let path: String
    let file: String

    init(_ value: JSONValue, path: String = "", file: String) {
        self.value = value
        self.path = path
        self.file = file
    }

    /// Reads a file's bytes. Keys that come twice are kept, for the vocabulary says itself what is wrong with one.
    static func read(_ data: Data, file: String) throws -> JSONPlace {
        do { return JSONPlace(try JSONReader.value(data, deepest: 100, repeatedKeys: .keep), file: file) } catch let fault
            as JSONFault
        {
            throw TokenizerError(file: file, reason: "the file: not valid JSON: \(fault)")
        }
    }

    func error(_ reason: String) -> TokenizerError {
        TokenizerError(file: file, reason: "\(path.isEmpty ? "the file" : path)\(reason)")
    }

    /// The members of an object.
    func members() throws -> [JSONObject.Member] {
        guard let object = value.object else { throw wrong("an object") }
        return object.members
    }

    /// The member `name`, or nil if it is missing or null.
    func member(_ name: String) throws -> JSONPlace? {
        var found: JSONPlace?
        for member in try members() where member.key.utf8.elementsEqual(name.utf8) {
            guard found == nil else { throw error(" has the key \(name) twice") }
            found = JSONPlace(member.value, path: path.isEmpty ? name : "\(path).\(name)", file: file)
        }
        if case .null = found?.value { return nil }
        return found
    }

    /// The member `name`, which must be there.
    func required(_ name: String) throws -> JSONPlace {
        guard let found = try member(name) else {
            throw TokenizerError(file: file, reason: "\(path.isEmpty ? name : "\(path).\(name)") is missing")
        }
        return found
    }

    func elements() throws -> [JSONPlace] {
        guard case .array(let elements) = value else { throw wrong("an array") }
        return elements.enumerated().map { JSONPlace($1, path: "\(path)[\($0)]", file: file) }
    }

    func string() throws -> String {
        guard case .string(let text) = value else { throw wrong("a string") }
        return text
    }

    func bool() throws -> Bool {
        guard case .bool(let flag) = value else { throw wrong("true or false") }
        return flag
    }

    func number() throws -> Double {
        guard let number = value.number else { throw wrong("a number") }
        return number
    }

    func wrong(_ expected: String) -> TokenizerError {
        error(": expected \(expected), found \(value.kind)")
    }
}
