/// A key of an object, told apart byte for byte.
struct JSONKey: Hashable {
    private let text: String

    init(_ text: String) { self.text = text }

    static func == (a: JSONKey, b: JSONKey) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// Where the keys of an object stand, so that one that comes again is found without looking at all of them.
struct JSONKeyPlaces {
    private var places: [JSONKey: Int] = [:]

    /// The place of `key` among `members`, the same that were asked about before and those that were appended since.
    mutating func place(of key: String, among members: [JSONObject.Member]) -> Int? {
        guard members.count > 8 else { return members.firstIndex { $0.isCalled(key) } }
        for place in places.count..<members.count { places[JSONKey(members[place].key)] = place }
        return places[JSONKey(key)]
    }
}
