/// The members of a JSON object in their order. Keys are compared byte for byte, as in JSON: "é" is not "e" with U+0301.
public struct JSONObject: Sendable {
    /// A key with its value.
    public struct Member: Sendable {
        public let key: String
        public var value: JSONValue

        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }

        /// Whether the key is `other`, byte for byte.
        func isCalled(_ other: String) -> Bool { key.utf8.elementsEqual(other.utf8) }
    }

    public private(set) var members: [Member]

    public init(_ members: [Member]) { self.members = members }

    public init(_ members: [(String, JSONValue)]) { self.init(members.map { Member($0.0, $0.1) }) }

    /// In alphabetical order of the keys.
    public init(_ values: [String: JSONValue]) {
        self.init(values.sorted { $0.key < $1.key }.map { Member($0.key, $0.value) })
    }

    /// The value of a key (the last one of a duplicate). Setting nil removes the key.
    public subscript(key: String) -> JSONValue? {
        get { members.last { $0.isCalled(key) }?.value }
        set {
            guard let newValue else { return members.removeAll { $0.isCalled(key) } }
            if let place = members.lastIndex(where: { $0.isCalled(key) }) {
                members[place].value = newValue
            } else {
                members.append(Member(key, newValue))
            }
        }
    }

    public var keys: [String] { members.map(\.key) }
    public var isEmpty: Bool { members.isEmpty }

    /// The values by key, without the order.
    public var dictionary: [String: JSONValue] { Dictionary(members.map { ($0.key, $0.value) }) { $1 } }

    public func mapValues(_ transform: (JSONValue) throws -> JSONValue) rethrows -> JSONObject {
        JSONObject(try members.map { Member($0.key, try transform($0.value)) })
    }

    public func filter(_ isIncluded: (Member) throws -> Bool) rethrows -> JSONObject {
        JSONObject(try members.filter(isIncluded))
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral members: (String, JSONValue)...) { self.init(members) }
}

extension JSONObject: Hashable {
    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.count == b.members.count && a.dictionary == b.dictionary
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(dictionary) }
}
